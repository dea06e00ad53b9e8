import type { StateView } from '@backstory/core/state';
import { byBytes } from '@backstory/core/store';
import { placeIn } from '../results/result-rows.js';
import type { Row } from './comparison.js';
import type { Texts } from './text-fold.js';

const NONE: Texts = new Map();

/** The documents in the order of their keys, some of them replaced. */
export async function* documentsOf(
  view: StateView,
  collection: string,
  instead: Texts = NONE,
): AsyncGenerator<Row, void> {
  const replaced = [...instead].sort(([x], [y]) => byBytes(x, y));
  let next = 0;
  const upTo = function* (key: string | undefined): Generator<Row, void> {
    for (; next < replaced.length; next++) {
      const [own, text] = replaced[next]!;
      if (key !== undefined && byBytes(own, key) > 0) return;
      if (text !== undefined) yield [own, text];
    }
  };
  let after = '';
  for (;;) {
    const rows = await view.list(collection, { after, limit: 1_000 });
    for (const { key, value } of rows) {
      yield* upTo(key);
      if (!instead.has(key)) yield [key, value];
    }
    if (rows.length < 1_000) break;
    after = rows.at(-1)!.key;
  }
  yield* upTo(undefined);
}

/** The results of events up to a position. */
export async function* resultsOf(
  view: StateView,
  collection: string,
  position: number,
  instead?: Texts,
): AsyncGenerator<Row, void> {
  for await (const [row, text] of documentsOf(view, collection, instead)) {
    if (placeIn(row).position <= position) yield [row, text];
  }
}

/** What a result is called where it differs. */
export function resultName(row: string): string {
  const { key, position, ordinal } = placeIn(row);
  return `${key}, result ${ordinal + 1} of position ${position}`;
}
