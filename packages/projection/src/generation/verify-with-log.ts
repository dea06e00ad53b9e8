import type { EventStore, StateStore } from '@backstory/core';
import { byBytes } from '@backstory/core/store';
import type { Model } from '../definition/projection-source.js';
import { GenerationUnusable } from '../errors.js';
import { Comparison, type DocumentDifference, type Row } from './comparison.js';
import { generationIn } from './control.js';
import { placesOf } from './places.js';
import { readProgress } from './progress.js';
import { requireControl } from './swap.js';
import { SqlModel } from '../tables/sql-model.js';
import { TextFold } from './text-fold.js';
import { documentsOf } from './verify.js';

/** What comparing the generation that is read with a fold of the log has found. `live` of a difference is what is stored, `other` what the log gives. */
export interface LogVerification {
  readonly projection: string;
  readonly generation: number;
  readonly version: number;
  /** That of its checkpoint: the log was folded up to there. */
  readonly position: number;
  readonly isEqual: boolean;
  /** Documents that are stored, or that the log gives. */
  readonly documents: number;
  readonly different: number;
  readonly differences: readonly DocumentDifference[];
}

/** What is compared. */
export interface VerifyingWithLog {
  readonly events: EventStore;
  readonly state: StateStore;
  readonly model: Model;
  /** Differences to list. */
  readonly limit: number;
  /** Documents that are folded in memory at most. */
  readonly maxFolded: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Folds the log in memory up to the checkpoint of the generation that is read, and compares the documents. It may go on meanwhile: one view of the state
 * is looked at.
 *
 * @throws ProjectionNotFound, ProjectionFailed
 * @throws GenerationUnusable for one that writes tables, that other code made, or with more documents than `maxFolded`
 */
export function verifyWithLog(verifying: VerifyingWithLog): Promise<LogVerification> {
  const { events, state, model, limit, maxFolded: most, signal } = verifying;
  const { name } = model;
  return state.read(async (view) => {
    const control = await requireControl(view, name);
    const { number: generation, version } = generationIn(control, control.live)!;
    if (model instanceof SqlModel)
      throw new GenerationUnusable(
        name,
        generation,
        'it writes tables, which can only be compared with those of another generation: rebuild, and verify.',
      );
    if (version !== model.version)
      throw new GenerationUnusable(
        name,
        generation,
        `code of version ${version} made it, and the code here is version ${model.version}.`,
      );
    const places = placesOf(name);
    const position = (await readProgress(view, places, generation))?.checkpoint.through ?? 0;
    const fold = new TextFold({ model, side: generation, most });
    for await (const page of events.readAll({ upTo: position, types: model.typeNames, pageSize: PAGE })) {
      signal?.throwIfAborted();
      // Results are another matter, and there is one for every event at worst.
      fold.results.clear();
      for (const event of page.events) {
        const { recorded, keys } = model.foldable(event);
        for (const key of keys) {
          fold.begin(key, undefined);
          fold.fold(key, recorded);
        }
      }
    }
    const comparison = new Comparison(limit);
    await comparison.run(documentsOf(view, places.documents(generation)), inOrder(fold));
    const { documents, different, differences } = comparison;
    return {
      ...{ projection: name, generation, version, position },
      ...{ isEqual: different === 0, documents, different, differences },
    };
  });
}

const PAGE = 2_000;

async function* inOrder(fold: TextFold): AsyncGenerator<Row, void> {
  for (const [key, text] of [...fold.texts()].sort(([x], [y]) => byBytes(x, y)))
    if (text !== undefined) yield [key, text];
}
