import { MemoryEventStore } from './memory-event-store.js';
import { MemoryStateStore } from './memory-state-store.js';
import type { Storage } from './storage.js';

/** Keeps log and state in memory. Every `open` of the same storage sees the same log, as with a file. */
export function memory(): Storage {
  const events = new MemoryEventStore();
  const state = new MemoryStateStore();
  return {
    description: 'memory',
    open: async () => ({ events, state, close: async () => undefined }),
  };
}
