import { types } from 'node:util';
import {
  InvalidQuery,
  type EventStore,
  type LogPage,
  type StoredEvent,
  type StreamSlice,
} from '@backstory/core';
import { recordOf, type AggregateModel } from '@backstory/aggregate';
import { AppendWatch, type RecordedAppend } from './append-watch.js';
import { VersionOutOfRange } from './errors.js';
import { isWitness, type Snapshot } from './snapshot.js';

/** A moment in an aggregate's life. With both, whatever is earlier. */
export interface PointInTime {
  /** After this many events: 1 is after its first. */
  readonly atVersion?: number;
  /** With the events recorded at or before this time, by the store's clock. */
  readonly at?: Date;
}

/** What is to be loaded: the aggregate, the moment, and an append to look out for. */
export interface LoadRequest extends PointInTime {
  readonly id: string;
  readonly stream: string;
  readonly appendId?: string | undefined;
}

export interface Loaded<A> {
  readonly aggregate: A;
  /** The last event folded by this load, if there was one. */
  readonly last: StoredEvent | undefined;
  /** The append that was looked for, where the stream has it. */
  readonly recorded: RecordedAppend | undefined;
}

/** Where a fold begins: an instance, and the events after it in pages. */
export interface Beginning<A> {
  readonly aggregate: A;
  readonly events: AsyncIterable<readonly StoredEvent[]>;
}

/** Folds what is left of a stream, page by page, into the instance that it begins with; up to a moment it is read-only. */
export async function foldFrom<A extends object>(
  model: AggregateModel<A>,
  request: LoadRequest,
  { aggregate, events: pages }: Beginning<A>,
): Promise<Loaded<A>> {
  const { stream, appendId, atVersion } = request;
  const watch = appendId === undefined ? undefined : new AppendWatch(appendId);
  let last: StoredEvent | undefined;
  for await (const events of pages) {
    if (events.length === 0) continue;
    model.fold(aggregate, events);
    watch?.see(events);
    last = events.at(-1);
  }
  const record = recordOf(aggregate);
  if (
    atVersion !== undefined &&
    record.version < atVersion &&
    record.version > 0 &&
    request.at === undefined
  ) {
    throw new VersionOutOfRange(stream, atVersion, record.version);
  }
  record.readOnly = describe(request);
  return { aggregate, last, recorded: watch?.found };
}

/** The beginning of a stream. */
export function fromZero<A extends object>(
  model: AggregateModel<A>,
  store: EventStore,
  request: LoadRequest,
): Beginning<A> {
  const pages = store.readStream(request.stream, sliceOf(request));
  return { aggregate: model.create(request.id), events: eventsOf(pages) };
}

/**
 * A snapshot and the events after it; `undefined` where the log does not have the event that it was taken after. That event
 * is read together with those that follow.
 *
 * @throws UnreadableValue, StoreUnavailable …
 */
export async function fromSnapshot<A extends object>(
  model: AggregateModel<A>,
  store: EventStore,
  request: LoadRequest,
  { last, state }: Snapshot,
): Promise<Beginning<A> | undefined> {
  const aggregate = model.restore(request.id, state, last);
  const slice = { ...sliceOf(request), after: last.version - 1 };
  const pages = store.readStream(request.stream, slice)[Symbol.asyncIterator]();
  const first = await pages.next();
  const [own, ...next] = first.done ? [] : first.value.events;
  if (isWitness(own, last)) return { aggregate, events: rest(next, pages) };
  await pages.return?.();
  return undefined;
}

/**
 * Refuses what would be passed over, and so give the aggregate as it is now for one of the past.
 *
 * @throws InvalidQuery
 */
export function checkPoint(point: unknown): void {
  if (typeof point !== 'object' || point === null || Array.isArray(point) || types.isDate(point))
    throw new InvalidQuery('point', `must be ${POINTS}.`);
  const unknown = Object.keys(point).find((key) => key !== 'at' && key !== 'atVersion');
  if (unknown !== undefined) throw new InvalidQuery(unknown, `is no way to say when: give ${POINTS}.`);
}

/** When the first event of a stream was recorded; `undefined` for a stream without events. */
export async function beganAt(store: EventStore, stream: string): Promise<Date | undefined> {
  for await (const { events } of store.readStream(stream, { limit: 1 })) {
    if (events[0]) return events[0].recordedAt;
  }
  return undefined;
}

const POINTS = '{ atVersion: 3 } or { at: new Date("2026-01-31") }';

async function* eventsOf(pages: AsyncIterable<LogPage>): AsyncGenerator<readonly StoredEvent[]> {
  for await (const { events } of pages) yield events;
}

async function* rest(
  next: readonly StoredEvent[],
  pages: AsyncIterator<LogPage>,
): AsyncGenerator<readonly StoredEvent[]> {
  try {
    yield next;
    for (let page = await pages.next(); !page.done; page = await pages.next()) yield page.value.events;
  } finally {
    await pages.return?.();
  }
}

function sliceOf({ atVersion, at }: PointInTime): StreamSlice {
  if (atVersion !== undefined && !(Number.isSafeInteger(atVersion) && atVersion >= 1)) {
    throw new InvalidQuery('atVersion', `versions are 1, 2, 3 …, not ${String(atVersion)}.`);
  }
  if (at !== undefined && !(types.isDate(at) && !Number.isNaN(at.getTime())))
    throw new InvalidQuery('at', 'must be a valid Date, e.g. new Date("2020-01-01").');
  return {
    ...(atVersion !== undefined && { upTo: atVersion }),
    ...(at !== undefined && { recordedUpTo: at }),
  };
}

function describe({ atVersion, at }: PointInTime): string | undefined {
  if (at !== undefined) return `at ${at.toISOString()}`;
  return atVersion === undefined ? undefined : `at version ${atVersion}`;
}
