import type { EventStore, StateStore } from '@backstory/core';
import { MemoryEventStore } from '@backstory/core/store';
import { MemoryStateStore } from '@backstory/core/state';
import type { EventStoreHarness, StateStoreHarness } from '@backstory/testing';

interface Clock {
  readonly now?: () => number;
}

/** The memory event store, or one that is made from it and broken on purpose. */
export function memoryEvents(
  make: (clock: Clock) => EventStore = (clock) => new MemoryEventStore(clock),
): EventStoreHarness {
  const { open, cleanup } = opening(make);
  return {
    capabilities: { durable: false, multiStreamAppends: true, densePositions: true, unindexed: [] },
    open: async () => open({}),
    openWithClock: async (now) => open({ now }),
    cleanup,
  };
}

/** The memory state store, or one that is made from it and broken on purpose. */
export function memoryState(
  make: (clock: Clock) => StateStore = (clock) => new MemoryStateStore(clock),
): StateStoreHarness {
  const { open, cleanup } = opening(make);
  return { open: async () => open({}), openWithClock: async (now) => open({ now }), cleanup };
}

function opening<Store extends { close(): Promise<void> }>(make: (clock: Clock) => Store) {
  const opened: Store[] = [];
  const open = (clock: Clock): Store => {
    const store = make(clock);
    opened.push(store);
    return store;
  };
  const cleanup = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  };
  return { open, cleanup };
}
