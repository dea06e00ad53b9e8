import {
  InvalidQuery,
  readRecorded,
  type EventStore,
  type RecordedEvent,
  type StoredEvent,
} from '@backstory/core';
import { Expression } from '@backstory/router/filter';
import { foldFailureOf, type FoldFailure } from './fold-failure.js';
import { streams } from './log.js';
import { Pace, type CursorWait } from './pace.js';
import { RewindableFold } from './rewindable-fold.js';
import { StateQuestion, refuseUnseen } from './state-question.js';
import { StreamFold, headOf, modelFor, readable, type ReplaySource } from './stream-fold.js';

/** What is looked for, and how. */
export interface BisectOptions extends CursorWait {
  /** `balance < 0`: a question to the state. Beside its properties there are `$before`, `$event`, `$version`, `$state`, `$id`. */
  readonly where: string;
  /**
   * Once it holds it holds on. Then not every version is asked but some, by halves, between which the stream is only folded.
   * Where it is not so, the version that is found is one at which it begins to hold, and there may be earlier ones.
   */
  readonly isMonotonic?: boolean;
}

/** Where a question to a state holds first. */
export interface Bisected {
  readonly stream: string;
  /** The version that the stream is at. */
  readonly head: number;
  /** The first at which it holds; 0: from the beginning. `null`: at none. */
  readonly version: number | null;
  /** The event of that version. */
  readonly event: RecordedEvent | null;
  /** `Fine.penalised`: what folds that event. Absent where there is none. */
  readonly handler?: string;
  /** How many versions were asked. */
  readonly asked: number;
  /** Not every version was asked: what does not hold at the last one may have held before. */
  readonly isMonotonic?: true;
  /** Why it could not be folded to its end, where that was met before it held. Given by {@link bisectAll}. */
  readonly failed?: FoldFailure;
}

/**
 * The first version of a stream at which an expression holds for its state.
 *
 * @throws InvalidExpression; NoSuchPath when it holds nowhere and names a property that no state had; StreamNotFound,
 * NoAggregate, UnknownEventType, FoldFailed, UnreadableState
 */
export async function bisect(
  source: ReplaySource,
  stream: string,
  options: BisectOptions,
): Promise<Bisected> {
  const expression = Expression.of(options.where);
  const found = options.isMonotonic
    ? await byHalves(source, stream, { ...options, expression })
    : await oneByOne(await StreamFold.of(source, stream), { ...options, expression });
  if (found.version === null) refuseUnseen(found, found.unseen, modelFor(source.aggregates, stream));
  const { unseen: _, ...bisected } = found;
  return bisected;
}

/** Which streams of a category are asked. */
export interface BisectAllOptions extends Omit<BisectOptions, 'isMonotonic' | 'onProgress'> {
  readonly category: string;
  /** Called after each stream with how many were asked, of how many. */
  readonly onProgress?: (streams: number, of: number) => void;
}

/**
 * The same for every stream of a category: those are given in which it holds at some version, and those that cannot be folded.
 *
 * @throws InvalidExpression; NoAggregate; NoSuchPath as {@link bisect}
 */
export async function* bisectAll(
  source: ReplaySource,
  options: BisectAllOptions,
): AsyncGenerator<Bisected, void> {
  const { category, where, signal, onProgress } = options;
  const expression = Expression.of(where);
  const query = { categories: [category] };
  let total = 0;
  for await (const page of source.events.listStreams(query)) total += page.length;
  let asked = 0;
  let unseen: ReadonlySet<string> | undefined;
  let isGiven = false;
  let last: Found | undefined;
  for await (const { stream } of streams(source.events, query)) {
    signal?.throwIfAborted();
    const { unseen: here, ...bisected } = (last = await orFailed(await StreamFold.of(source, stream), {
      expression,
      ...(signal && { signal }),
    }));
    unseen = unseen ? new Set([...unseen].filter((it) => here.has(it))) : here;
    onProgress?.(++asked, total);
    if (bisected.version === null && !bisected.failed) continue;
    isGiven = true;
    yield bisected;
  }
  if (!isGiven && last) refuseUnseen(last, unseen!, modelFor(source.aggregates, last.stream));
}

interface Found extends Bisected {
  /** What the expression names and no state had. */
  readonly unseen: ReadonlySet<string>;
}

interface Looking extends CursorWait {
  readonly expression: Expression;
}

async function orFailed(fold: StreamFold, looking: Looking): Promise<Found> {
  try {
    return await oneByOne(fold, looking);
  } catch (error) {
    const { stream, head, version } = fold;
    const failed = foldFailureOf(error, fold);
    return { stream, head, version: null, event: null, asked: version + 1, failed, unseen: new Set() };
  }
}

async function oneByOne(fold: StreamFold, { expression, ...wait }: Looking): Promise<Found> {
  const { stream, head, model } = fold;
  const question = new StateQuestion(expression, model, stream);
  const holds = () => fold.readable(() => question.holds({ value: fold.value, event: fold.last ?? null }));
  const told = (version: number | null): Found => ({
    stream,
    head,
    version,
    event: version ? readRecorded(fold.last!) : null,
    ...(version && { handler: fold.handlerOf(fold.last!.type) }),
    asked: fold.version + 1,
    unseen: question.unseen,
  });
  if (holds()) return told(0);
  const pace = new Pace(wait, 0);
  for await (const events of fold.pages({}, wait.signal)) {
    for (const event of events) {
      fold.fold([event]);
      if (holds()) return told(event.version);
      if (event.version % BREATHER === 0) await pace.at(event.version, head);
    }
  }
  return told(null);
}

const BREATHER = 64;

async function byHalves(
  source: ReplaySource,
  stream: string,
  { expression, ...wait }: Looking,
): Promise<Found> {
  if (expression.names.has('$before'))
    throw new InvalidQuery(
      'isMonotonic',
      'skips versions, so there is no $before: leave one of the two out.',
    );
  const head = await headOf(source.events, stream);
  const model = modelFor(source.aggregates, stream);
  const fold = new RewindableFold(source.events, model, stream);
  const question = new StateQuestion(expression, model, stream);
  let asked = 0;
  const holds = async (version: number): Promise<boolean> => {
    asked++;
    const value = await fold.valueAt(version, wait);
    const event = await eventAt(source.events, stream, version);
    return readable({ stream, version, type: event?.type }, () => question.holds({ value, event }));
  };
  const told = async (version: number | null): Promise<Found> => {
    const event = await eventAt(source.events, stream, version ?? 0);
    const recorded = event && readRecorded(event);
    const handler = event && StreamFold.upTo(source, stream, event.version).handlerOf(event.type);
    const found = { stream, head, version, event: recorded, ...(handler !== null && { handler }) };
    return { ...found, asked, isMonotonic: true, unseen: question.unseen };
  };
  if (!(await holds(head))) return told(null);
  if (await holds(0)) return told(0);
  let [no, yes] = [0, head];
  while (yes - no > 1) {
    const middle = no + Math.floor((yes - no) / 2);
    if (await holds(middle)) yes = middle;
    else no = middle;
  }
  return told(yes);
}

async function eventAt(store: EventStore, stream: string, version: number): Promise<StoredEvent | null> {
  if (version === 0) return null;
  for await (const { events } of store.readStream(stream, { after: version - 1, upTo: version }))
    if (events[0]) return events[0];
  return null;
}
