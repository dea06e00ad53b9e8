import type { AppendResult, Write } from './event-store.js';

/**
 * A transaction that a client of the store's own database has begun, in which events are recorded together with what the
 * client changes. Appends wait for its end: they are its last statement, so that it holds up other writers for one round trip.
 */
export interface StoreTransaction {
  /**
   * Checks an append and keeps it for `commit`, with whose end the promise settles.
   *
   * @throws InvalidAppend, StoreUnavailable when too much is waiting — at once, and nothing is kept
   */
  append(writes: readonly Write[]): Promise<AppendResult>;
  /**
   * Records what waits and commits; `undefined` where another one with the same id committed meanwhile, and this one was rolled
   * back. Where one append is refused all is rolled back.
   *
   * @throws VersionConflict, EventIdReused, StoreUnavailable — everything was rolled back
   * @throws TransactionOutcomeUnknown — the connection was lost while it committed
   */
  commit(): Promise<readonly AppendResult[] | undefined>;
  /** Rolls everything back. What waits is refused with `reason`. */
  rollback(reason: unknown): Promise<void>;
}
