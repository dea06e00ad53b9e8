import { types } from 'node:util';
import { InvalidQuery, type EventStore, type StreamSlice } from '@backstory/core';
import { recordOf, type AggregateModel } from '@backstory/aggregate';
import { AppendWatch, type RecordedAppend } from './append-watch.js';
import { VersionOutOfRange } from './errors.js';

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
  /** The append that was looked for, where the stream has it. */
  readonly recorded: RecordedAppend | undefined;
}

/** Folds a stream, page by page, into a new instance; up to a moment it is read-only. */
export async function loadAggregate<A extends object>(
  model: AggregateModel<A>,
  store: EventStore,
  request: LoadRequest,
): Promise<Loaded<A>> {
  const { id, stream, appendId, atVersion } = request;
  const aggregate = model.create(id);
  const watch = appendId === undefined ? undefined : new AppendWatch(appendId);
  for await (const { events } of store.readStream(stream, sliceOf(request))) {
    model.fold(aggregate, events);
    watch?.see(events);
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
  return { aggregate, recorded: watch?.found };
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
