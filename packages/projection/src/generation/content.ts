import type { StateStore } from '@backstory/core';
import { hashTables } from '../tables/compare-tables.js';
import { requireSql } from '../tables/require-sql.js';
import { Comparison, type Row } from './comparison.js';
import { strayRows } from './index-rows.js';
import { placesOf } from './places.js';
import { documentsOf, resultName, resultsOf } from './stored-rows.js';
import { checkpointOf, requireControl, requireGeneration } from './generations.js';

/** What a generation holds, documents or rows, and its content in one line. */
export interface ContentDigest {
  readonly generation: number;
  readonly position: number;
  readonly documents: number;
  readonly hash: string;
}

/** Hashes the documents or tables of a generation as verifying does. Default: the one that is read. */
export function contentOf(state: StateStore, name: string, generation?: number): Promise<ContentDigest> {
  return state.read(async (view) => {
    const control = await requireControl(view, name);
    const wanted = requireGeneration(control, name, generation ?? control.live);
    const { number, tables } = wanted;
    const places = placesOf(name);
    const position = (await checkpointOf(view, name, number))?.through ?? 0;
    if (tables) {
      const { hash, rows } = await hashTables(requireSql(view, name), { name, generation: number, tables });
      return { generation: number, position, documents: rows, hash };
    }
    const comparison = new Comparison(0);
    const none = async function* (): AsyncGenerator<Row, void> {};
    await comparison.run(documentsOf(view, places.documents(number)), none());
    const { documents } = comparison;
    await comparison.run(resultsOf(view, places.results(number), position), none(), resultName);
    await comparison.runStray('live', strayRows(view, name, wanted));
    const { hashes } = comparison;
    return { generation: number, position, documents, hash: hashes[0] };
  });
}
