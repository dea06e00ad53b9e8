import { UnknownFormat, readFormat } from '@backstory/core/store';
import type { StoredEvent } from '@backstory/core';
import type { Json } from '@backstory/events';

/** The state of an aggregate after one of its events. */
export interface Snapshot {
  readonly stream: string;
  /** Of the code that made it: no other code may read it. */
  readonly shape: string;
  /** The event after which it was: proof that a log holds what the state was made of. */
  readonly last: Witness;
  readonly state: Json;
}

/**
 * What tells an event from all others. The id alone would not: what is done again in a log that was restored to an earlier
 * time may be recorded under the same id, after other events.
 */
export interface Witness {
  readonly id: string;
  readonly version: number;
  readonly position: number;
  /** ISO 8601, by the store's clock. */
  readonly recordedAt: string;
}

const FORMAT = 'backstory.snapshot/1';

/** The stored form of a snapshot: JSON text, format version 1. `state` is JSON text already. */
export function writeSnapshot(about: Omit<Snapshot, 'state'>, state: string): string {
  const { stream, shape, last } = about;
  return `${JSON.stringify({ format: FORMAT, stream, shape, last }).slice(0, -1)},"state":${state}}`;
}

/** Reads what {@link writeSnapshot} wrote. @throws UnknownFormat when something else, or a later release, wrote it, or it is damaged */
export function readSnapshot(text: string): Snapshot {
  const { stream, shape, last, state } = readFormat<Snapshot>(text, FORMAT);
  const isWhole =
    typeof stream === 'string' &&
    typeof shape === 'string' &&
    typeof last?.id === 'string' &&
    typeof last.recordedAt === 'string' &&
    Number.isSafeInteger(last.version) &&
    Number.isSafeInteger(last.position) &&
    state !== undefined;
  if (!isWhole) throw new UnknownFormat(FORMAT, 'a damaged one');
  return { stream, shape, last, state };
}

/** What proves that a log has this event. */
export function witnessOf({ id, version, position, recordedAt }: StoredEvent): Witness {
  return { id, version, position, recordedAt: recordedAt.toISOString() };
}

/** Whether a log's event is the one that a snapshot was taken after. */
export function isWitness(event: StoredEvent | undefined, last: Witness): boolean {
  return (
    event?.id === last.id &&
    event.version === last.version &&
    event.position === last.position &&
    event.recordedAt.toISOString() === last.recordedAt
  );
}
