import type { EventStore, StateStore } from '@backstory/core';
import { MemoryEventStore, MemoryLog } from '@backstory/core/store';
import { MemoryState, MemoryStateStore } from '@backstory/core/state';
import type { EventStoreHarness, StateStoreHarness } from '@backstory/testing';

interface Clock {
  readonly now?: () => number;
}

type Make<Store, Shared> = (clock: Clock, shared: Shared) => Store;

/** The memory event store, or one that is made from it and broken on purpose. */
export function memoryEvents(
  make: Make<EventStore, MemoryLog> = (clock, log) => new MemoryEventStore(clock, log),
): EventStoreHarness {
  return {
    capabilities: { durable: false, multiStreamAppends: true, densePositions: true, unindexed: [] },
    ...opening(make, () => new MemoryLog()),
  };
}

/** The memory state store, or one that is made from it and broken on purpose. */
export function memoryState(
  make: Make<StateStore, MemoryState> = (clock, state) => new MemoryStateStore(clock, state),
): StateStoreHarness {
  return { capabilities: { durable: false }, ...opening(make, () => new MemoryState()) };
}

function opening<Store extends { close(): Promise<void> }, Shared>(
  make: Make<Store, Shared>,
  share: () => Shared,
) {
  const opened = new Map<Store, { readonly clock: Clock; readonly shared: Shared }>();
  const open = (clock: Clock, shared: Shared): Store => {
    const store = make(clock, shared);
    opened.set(store, { clock, shared });
    return store;
  };
  return {
    open: async () => open({}, share()),
    openWithClock: async (now: () => number) => open({ now }, share()),
    openAnother: async (store: Store) => open(opened.get(store)!.clock, opened.get(store)!.shared),
    cleanup: async () => {
      await Promise.all([...opened.keys()].map((store) => store.close()));
      opened.clear();
    },
  };
}
