import type { EventStore } from '@backstory/core';
import { MemoryEventStore } from '@backstory/core/store';
import type { EventStoreHarness } from '@backstory/testing';

export type MakeEventStore = (options?: { readonly now?: () => number }) => EventStore;

/** The memory store, or one that is made from it and broken on purpose. */
export function memoryHarness(
  make: MakeEventStore = (options) => new MemoryEventStore(options),
): EventStoreHarness {
  const opened: EventStore[] = [];
  const open: MakeEventStore = (options) => {
    const store = make(options);
    opened.push(store);
    return store;
  };
  return {
    capabilities: { durable: false, multiStreamAppends: true, densePositions: true, unindexed: [] },
    open: async () => open(),
    openWithClock: async (now) => open({ now }),
    cleanup: async () => {
      await Promise.all(opened.splice(0).map((store) => store.close()));
    },
  };
}
