import type { StateStore } from '@backstory/core';
import type { StateCapabilities } from '@backstory/core/state';
import type { Cleanable } from './conformance.js';

/** How the suite gets at the state store under test. Cases that need what is missing are listed as not run. */
export interface StateStoreHarness extends Cleanable {
  /** What the store declares; it must say the same. */
  readonly capabilities: StateCapabilities;
  /** A new and empty state, apart from every other, started. */
  open(): Promise<StateStore>;
  /** A new and empty state whose store reads this clock, in milliseconds. */
  openWithClock?(now: () => number): Promise<StateStore>;
  /** Closes the store and opens its state again. Needed of a store that is durable. */
  reopen?(store: StateStore): Promise<StateStore>;
  /** A second connection to the state of an open store, as another process would make it. */
  openAnother?(store: StateStore): Promise<StateStore>;
}
