import type { Json } from '@backstory/events';
import { InvalidQuery } from '@backstory/core';
import { StreamFold, type ReplaySource } from './stream-fold.js';

/** A moment in the history of a stream: after a version, or at an instant of recorded time. Default: now. */
export interface Moment {
  /** 0 is the initial state, before the first event. */
  readonly atVersion?: number;
  /** The last version recorded no later than this. */
  readonly at?: Date;
  readonly signal?: AbortSignal;
}

/** The state of a stream at a moment. */
export interface StateAt {
  readonly stream: string;
  /** 0: nothing had happened yet. */
  readonly version: number;
  /** Of the event that led to this state; `null` at version 0. */
  readonly position: number | null;
  readonly recordedAt: Date | null;
  readonly state: Json;
}

/**
 * What the state of a stream is, or was.
 *
 * @throws StreamNotFound, VersionOutOfRange, NoAggregate, UnknownEventType, FoldFailed, UnreadableState
 */
export async function stateAt(
  source: ReplaySource,
  stream: string,
  { atVersion, at, signal }: Moment = {},
): Promise<StateAt> {
  if (at !== undefined && !(at instanceof Date && !Number.isNaN(at.getTime())))
    throw new InvalidQuery('at', 'must be a valid Date.');
  const fold = await StreamFold.of(source, stream);
  if (atVersion !== undefined) fold.checkVersion(atVersion);
  const slice = {
    ...(atVersion === undefined ? {} : { upTo: atVersion }),
    ...(at ? { recordedUpTo: at } : {}),
  };
  for await (const events of fold.pages(slice, signal)) fold.fold(events);
  const { version, last } = fold;
  return {
    stream,
    version,
    position: last?.position ?? null,
    recordedAt: last?.recordedAt ?? null,
    state: fold.state(),
  };
}
