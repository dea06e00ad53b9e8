/** For those who write state stores, and for what keeps its state in one. */
export { checkCollection, checkEntry, checkKey, checkLease, resolveStateQuery } from './state-check.js';
export { FenceLost, InvalidStateEntry } from './errors.js';
export { MemoryStateStore } from './memory-state-store.js';
export type {
  Fence,
  Lease,
  StateEntry,
  StateQuery,
  StateStore,
  StateTransaction,
  StateView,
} from './state-store.js';
