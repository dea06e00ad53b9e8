/** For those who write state stores, and for what keeps its state in one. */
export { afterPrefix } from './after-prefix.js';
export {
  checkCollection,
  checkEntry,
  checkKey,
  checkLease,
  resolveStateQuery,
  type ResolvedStateQuery,
} from './state-check.js';
export {
  FenceLost,
  InsideTransaction,
  InvalidStateEntry,
  StatementFailed,
  TransactionTimedOut,
} from './errors.js';
export { inTime, type Late } from './in-time.js';
export { isInfrastructure } from './infrastructure.js';
export { isOutcomeUnknown, someCause } from './some-cause.js';
export { LeaseHolder, type HeldLease, type LeaseHolderOptions } from './lease-holder.js';
export { MemoryState, MemoryStateStore } from './memory-state-store.js';
export { cut, messageOf, shown, shownPath, storable } from './shown.js';
export { checkedSql, type SqlRow, type SqlSession, type SqlStatement, type SqlValue } from './sql-session.js';
export type {
  Fence,
  Lease,
  StateCapabilities,
  StateEntry,
  StateQuery,
  StateStore,
  StateTransaction,
  StateView,
} from './state-store.js';
