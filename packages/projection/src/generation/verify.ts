import type { EventStore, StateStore, StoredEvent } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import type { ProjectionModel } from '../definition/projection-model.js';
import { GenerationUnusable } from '../errors.js';
import { Comparison } from './comparison.js';
import type { Between } from './events-between.js';
import { strayRows } from './index-rows.js';
import { LogBetween } from './log-between.js';
import { placesOf } from './places.js';
import { isMadeBy } from './same-form.js';
import { documentsOf, resultName, resultsOf } from './stored-rows.js';
import { Stretch } from '../stretch.js';
import { TextFold, type Folding, type Texts } from './text-fold.js';
import { requireOneLog, standingOf, type Placed, type Standing, type Verification } from './verification.js';

/** What is compared. */
export interface Verifying {
  readonly events: EventStore;
  readonly state: StateStore;
  readonly model: ProjectionModel;
  /** Default: the one being filled. */
  readonly generation?: number | undefined;
  /** Differences to list. */
  readonly limit: number;
  /** Documents that are folded in memory at most. */
  readonly maxFolded: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compares the live generation with another one on one view of the state, so that both may go on meanwhile; and the rows of the
 * indexes of each with its documents. Where one is ahead,
 * the documents in between are folded in memory: those of the one behind forwards, or else those of the one ahead anew up to there.
 * What that takes of the log is read before, so that one connection is enough unless it is very much.
 *
 * @throws ProjectionNotFound, GenerationUnusable, ProjectionFailed; the signal's reason
 */
export async function verify(verifying: Verifying): Promise<Verification> {
  const { events, state, model, generation, signal } = verifying;
  const log = new LogBetween({ events, model, signal });
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted();
    const standing = await state.read((view) => standingOf(view, model.name, generation));
    await requireOneLog(events, model.name, standing);
    await read(log, meetingOf(verifying, standing));
    const found = await state.read(async (view) => {
      const meeting = meetingOf(verifying, await standingOf(view, model.name, generation));
      const isReady = tries === TRIES || log.isTooLong || (await isRead(log, meeting));
      return isReady ? compare(view, { ...verifying, meeting, log }) : undefined;
    });
    if (found) return found;
  }
}

/** How often to read what has come meanwhile before; each time there is less of it. */
const TRIES = 5;

/** Where two generations that are not as far are compared, and how the one gets there. */
interface Meeting extends Standing {
  /** The one whose documents are folded; `undefined` where both are as far. */
  readonly folded: Placed | undefined;
  readonly isRewound: boolean;
  readonly position: number;
  readonly between: Between;
  readonly folding: Folding;
}

/** @throws GenerationUnusable where the code here made neither */
function meetingOf({ model, maxFolded: most }: Verifying, standing: Standing): Meeting {
  const { live, other } = standing;
  const [behind, ahead] = live.position <= other.position ? [live, other] : [other, live];
  const between = { after: behind.position, upTo: ahead.position };
  const of = (folded: Placed | undefined, isRewound: boolean): Meeting => {
    const position = isRewound ? behind.position : ahead.position;
    const folding = { model, side: (folded ?? live).generation.number, most };
    return { ...standing, folded, isRewound, position, between, folding };
  };
  if (behind.position === ahead.position) return of(undefined, false);
  if (isMadeBy(model, behind.generation)) return of(behind, false);
  if (isMadeBy(model, ahead.generation)) return of(ahead, true);
  throw new GenerationUnusable(
    model.name,
    ahead.generation.number,
    `it and generation ${behind.generation.number} are at different positions, and the code here, of version ${model.version}, made neither: compare them with the code that made one of them.`,
  );
}

async function read(log: LogBetween, { between, isRewound, folding }: Meeting): Promise<void> {
  await log.load(between.after);
  if (isRewound && log.covers(between)) await log.foldBefore(between.after, folding);
}

async function isRead(log: LogBetween, { between, isRewound }: Meeting): Promise<boolean> {
  return log.covers(between) && (!isRewound || (await log.hasBefore(between)));
}

interface Compared extends Verifying {
  readonly meeting: Meeting;
  readonly log: LogBetween;
}

async function compare(view: StateView, { model, limit, meeting, log }: Compared): Promise<Verification> {
  const { live, other, folded, position } = meeting;
  const places = placesOf(model.name);
  const instead = folded && (await insteadOf(view, folded, meeting, log));
  const documents = (side: Placed) =>
    documentsOf(
      view,
      places.documents(side.generation.number),
      side === folded ? instead?.documents : undefined,
    );
  const results = (side: Placed) => {
    const own = places.results(side.generation.number);
    return resultsOf(view, own, position, side === folded ? instead?.results : undefined);
  };
  const comparison = new Comparison(limit);
  await comparison.run(documents(live), documents(other));
  const { documents: count } = comparison;
  await comparison.run(results(live), results(other), resultName);
  for (const which of ['live', 'other'] as const)
    await comparison.runStray(which, strayRows(view, model.name, meeting[which].generation));
  const { hashes, different, differences } = comparison;
  const side = ({ generation: { number, version } }: Placed, hash: string) => ({
    generation: number,
    version,
    hash,
  });
  return {
    projection: model.name,
    compared: 'documents',
    live: side(live, hashes[0]),
    other: side(other, hashes[1]),
    position,
    isEqual: different === 0,
    documents: count,
    different,
    differences,
  };
}

/** What is to be read in place of what is stored. */
interface Instead {
  readonly documents: Texts;
  readonly results?: Texts;
}

async function insteadOf(
  view: StateView,
  { generation }: Placed,
  { between, isRewound, folding }: Meeting,
  log: LogBetween,
): Promise<Instead> {
  if (isRewound) return { documents: await log.textsBefore(between, folding) };
  return advanced(
    view,
    placesOf(folding.model.name).documents(generation.number),
    folding,
    log.pages(between),
  );
}

/** Documents as they are after the events in between, from what is stored, and the results of those events. */
async function advanced(
  view: StateView,
  collection: string,
  folding: Folding,
  pages: AsyncGenerator<readonly StoredEvent[], void>,
): Promise<Instead> {
  const { model } = folding;
  const fold = new TextFold(folding);
  const stretch = new Stretch();
  for await (const events of pages) {
    const foldable = events.map((event) => model.foldable(event));
    const missing = [...new Set(foldable.flatMap(({ keys }) => keys))].filter((key) => !fold.has(key));
    const stored = await view.getMany(collection, missing);
    for (const key of missing) fold.begin(key, stored.get(key));
    for (const event of foldable) {
      fold.fold(event);
      if (stretch.isLong) await stretch.pause();
    }
  }
  return { documents: fold.texts(), results: fold.results };
}
