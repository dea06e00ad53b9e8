import { StoreUnusable } from './errors.js';
import type { EventStore } from './event-store.js';
import { MemoryEventStore } from './memory-event-store.js';
import { MemoryLog } from './memory-log.js';
import { MemoryState, MemoryStateStore } from './memory-state-store.js';
import type { StateStore } from './state-store.js';
import type { OpenStorage, Storage } from './storage.js';

/** Keeps log and state in memory. Every `open` of the same storage sees the same log, as with a file. */
export function memory(): Storage {
  const log = new MemoryLog();
  const state = new MemoryState();
  return {
    description: 'memory',
    async open({ readOnly = false } = {}) {
      const opened = opening(new MemoryEventStore({}, log), new MemoryStateStore({}, state));
      return readOnly ? readOnlyView(opened) : opened;
    },
  };
}

function opening(events: EventStore, state: StateStore): OpenStorage {
  return {
    events,
    state,
    async close() {
      await state.close();
      await events.close();
    },
  };
}

function readOnlyView({ events, state }: OpenStorage): OpenStorage {
  const refuse = () =>
    Promise.reject(new StoreUnusable('memory', 'read-only', 'it was opened read-only: open it for writing.'));
  const writingEvents = { append: refuse, restore: refuse, adopt: refuse };
  const writingState = { transaction: refuse, acquire: refuse, renew: refuse, release: refuse };
  return opening(
    Object.assign(Object.create(events) as EventStore, writingEvents),
    Object.assign(Object.create(state) as StateStore, writingState),
  );
}
