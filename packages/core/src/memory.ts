import { StoreUnusable } from './errors.js';
import { MemoryEventStore } from './memory-event-store.js';
import { MemoryStateStore } from './memory-state-store.js';
import type { OpenStorage, Storage } from './storage.js';

/** Keeps log and state in memory. Every `open` of the same storage sees the same log, as with a file. */
export function memory(): Storage {
  const events = new MemoryEventStore();
  const state = new MemoryStateStore();
  const writable: OpenStorage = { events, state, close: async () => undefined };
  return {
    description: 'memory',
    open: async ({ readOnly = false } = {}) => (readOnly ? readOnlyView(writable) : writable),
  };
}

function readOnlyView({ events, state }: OpenStorage): OpenStorage {
  const refuse = () =>
    Promise.reject(new StoreUnusable('memory', 'read-only', 'it was opened read-only: open it for writing.'));
  const writingEvents = { append: refuse, restore: refuse, adopt: refuse };
  const writingState = { transaction: refuse, acquire: refuse, renew: refuse, release: refuse };
  return {
    events: Object.assign(Object.create(events) as typeof events, writingEvents),
    state: Object.assign(Object.create(state) as typeof state, writingState),
    close: async () => undefined,
  };
}
