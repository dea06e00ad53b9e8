import type { EventStore } from '@backstory/core';
import type { StoreCapabilities } from '@backstory/core/store';
import type { Cleanable } from './conformance.js';

/**
 * How the suite gets at the store under test. What is optional is there when the store can do it; cases that need what is
 * missing are listed as not run, with the reason.
 */
export interface EventStoreHarness extends Cleanable {
  /** What the store is expected to declare. */
  readonly capabilities: StoreCapabilities;
  /** A new and empty log, apart from every other. */
  open(): Promise<EventStore>;
  /** A new and empty log whose store reads this clock, in milliseconds. */
  openWithClock?(now: () => number): Promise<EventStore>;
  /** Closes the store and opens its log again. A durable store must have it. */
  reopen?(store: EventStore): Promise<EventStore>;
  /** A second connection to the log of an open store, as another process would make it. */
  openAnother?(store: EventStore): Promise<EventStore>;
  /** How long to wait for what must happen at last, such as the arrival of an event. Default 5,000. */
  readonly patienceMs?: number;
  /** Seed of the random cases. Default: another one each time; it is printed when a case fails. */
  readonly seed?: number;
}
