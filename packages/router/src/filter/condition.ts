import type { LogQuery, RecordedEvent } from '@backstory/core';
import type { Narrowing } from './narrowing.js';

/** One question about an event. A filter is made of these; each kind is one file. */
export interface Condition {
  /** As a person reads it: `data.amount > 100`. */
  readonly text: string;
  holds(event: RecordedEvent): boolean;
  /** What of the event decided: `data.amount is 50, not > 100`. */
  why(event: RecordedEvent): string;
  /** What an index can be asked. Whatever holds is within it; not all that is within it holds. */
  narrowing(known: KnownNames): Narrowing;
  /** @throws FilterNotSerialisable */
  toJSON(): object;
}

/** What is known of a log before it is read. */
export interface KnownNames {
  /** The event types that there may be: wildcards stand for some of these. */
  readonly types?: readonly string[];
  /** What the store has no index for: its `capabilities.unindexed`. */
  readonly unindexed?: readonly (keyof LogQuery)[];
}
