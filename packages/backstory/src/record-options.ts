import type { ExpectedVersion } from '@backstory/core';
import { InvalidOption, LIMITS, isName, type OptionNames } from '@backstory/core/store';
import type { GivenMetadata } from '@backstory/events/codec';

/** How `app.record` records events: on what condition, and what else is said of them. */
export interface RecordOptions {
  /** Default `'any'`. */
  readonly expected?: ExpectedVersion;
  /** What the ambient context does not say. */
  readonly metadata?: GivenMetadata;
  /** When it happened. Default: what the metadata says, else now. */
  readonly occurredAt?: Date;
  /** Repeats an append whose outcome is unknown. */
  readonly appendId?: string;
}

export const RECORD_OPTIONS: OptionNames<RecordOptions> = {
  expected: true,
  metadata: true,
  occurredAt: true,
  appendId: true,
};

/** @throws InvalidOption for what is no name of a stream, and for a single event in place of a list */
export function requireRecordable(stream: unknown, events: unknown): void {
  if (!isName(stream, LIMITS.stream))
    throw new InvalidOption('stream', `must be the name of a stream, of ${LIMITS.stream} bytes at most.`);
  if (Array.isArray(events)) return;
  throw new InvalidOption('events', `must be a list, also of one event: app.record('${stream}', [event]).`);
}
