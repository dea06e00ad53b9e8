import type { EventStore, StateStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import { byBytes, type Checkpoint } from '@backstory/core/store';
import type { ProjectionModel } from '../definition/projection-model.js';
import { GenerationUnusable } from '../errors.js';
import { Comparison, type DocumentDifference, type Row } from './comparison.js';
import type { Generation } from './control.js';
import { strayRows } from './index-rows.js';
import { ResultDigests, digestName, digestsOf } from './result-digests.js';
import { otherForm } from './same-form.js';
import { placesOf } from './places.js';
import { checkpointOf, requireControl, requireGeneration, requireOfThisLog } from './generations.js';
import { Stretch } from '../stretch.js';
import { TextFold } from './text-fold.js';
import { documentsOf } from './stored-rows.js';

/** What comparing a generation with a fold of the log has found. `live` of a difference is what is stored, `other` what the log gives. */
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
  readonly model: ProjectionModel;
  /** Default: the one that is read. */
  readonly generation?: number | undefined;
  /** Differences to list. */
  readonly limit: number;
  /** Documents that are folded in memory at most. */
  readonly maxFolded: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Folds the log in memory up to the checkpoint of a generation, and compares the documents, what they have led to, and the rows of its indexes with them. It may go on meanwhile: what it does
 * is folded as well, until one view of the state is as far as the fold. Neither the fold nor the view waits for the other, so one connection is enough.
 *
 * @throws ProjectionNotFound, ProjectionFailed
 * @throws GenerationUnusable for one that other code made, or with more documents than `maxFolded`; and for one that is not
 * there or, where none was given, not read any more, or goes on too fast
 */
export async function verifyWithLog(verifying: VerifyingWithLog): Promise<LogVerification> {
  const { state, model, limit, maxFolded: most } = verifying;
  const { name } = model;
  const { generation, position, checkpoint } = await state.read((view) => readTo(view, verifying));
  await requireOfThisLog(verifying.events, name, { generation, checkpoint });
  const fold = new TextFold({ model, side: generation, most });
  const results = new ResultDigests();
  let [after, upTo] = [0, position];
  for (let tries = 0; tries < TRIES; tries++) {
    await foldBetween(verifying, { fold, results }, { after, upTo });
    after = upTo;
    const found = await state.read(async (view): Promise<LogVerification | number> => {
      const { checkpoint: _checkpoint, of, ...now } = await readTo(view, verifying);
      if (now.generation !== generation || now.position < after)
        throw new GenerationUnusable(name, generation, 'another one is read since: compare it again.');
      if (now.position > after) return now.position;
      const comparison = new Comparison(limit);
      await comparison.run(documentsOf(view, placesOf(name).documents(generation)), inOrder(fold));
      const { documents } = comparison;
      await comparison.run(digestsOf(view, placesOf(name).results(generation)), results.rows(), digestName);
      await comparison.runStray('live', strayRows(view, name, of));
      const { different, differences } = comparison;
      const whole = { projection: name, ...now, isEqual: different === 0 };
      return { ...whole, documents, different, differences };
    });
    if (typeof found !== 'number') return found;
    upTo = found;
  }
  const advice = `in ${TRIES} attempts it had gone on each time before it could be compared: pause it meanwhile.`;
  throw new GenerationUnusable(name, generation, advice);
}

/** The generation, and up to where it is folded. @throws GenerationUnusable where there is none, or other code made it */
async function readTo(
  view: StateView,
  { model, generation: wanted }: VerifyingWithLog,
): Promise<
  Pick<LogVerification, 'generation' | 'version' | 'position'> & {
    readonly checkpoint: Checkpoint | undefined;
    readonly of: Generation;
  }
> {
  const { name } = model;
  const control = await requireControl(view, name);
  const of = requireGeneration(control, name, wanted ?? control.live);
  const { number: generation, version } = of;
  if (version !== model.version)
    throw new GenerationUnusable(
      name,
      generation,
      `code of version ${version} made it, and the code here is version ${model.version}.`,
    );
  const other = otherForm(of, model);
  if (other !== undefined)
    throw new GenerationUnusable(
      name,
      generation,
      `code of another form made it under its version: ${other}.`,
    );
  const checkpoint = await checkpointOf(view, name, generation);
  return { generation, version, position: checkpoint?.through ?? 0, checkpoint, of };
}

async function foldBetween(
  { events, model, signal }: VerifyingWithLog,
  { fold, results }: { readonly fold: TextFold; readonly results: ResultDigests },
  between: { readonly after: number; readonly upTo: number },
): Promise<void> {
  const stretch = new Stretch();
  for await (const page of events.readAll({ ...between, types: model.typeNames, pageSize: PAGE })) {
    signal?.throwIfAborted();
    for (const event of page.events) {
      const foldable = model.foldable(event);
      for (const key of foldable.keys) fold.begin(key, undefined);
      fold.fold(foldable);
      if (stretch.isLong) await stretch.pause();
    }
    // There is one for every event at worst.
    for (const [row, text] of fold.results) results.add(row, text);
    fold.results.clear();
  }
}

/** How often to try: each time less was done meanwhile. */
const TRIES = 100;
const PAGE = 2_000;

async function* inOrder(fold: TextFold): AsyncGenerator<Row, void> {
  for (const [key, text] of [...fold.texts()].sort(([x], [y]) => byBytes(x, y)))
    if (text !== undefined) yield [key, text];
}
