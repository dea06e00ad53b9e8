import { MemoryEventStore, MemoryLog, type StoreCapabilities } from '@backstory/core/store';
import type { StampedEvent } from '@backstory/core';
import { describeEventStore, eventStoreCases, runCases, type EventStoreHarness } from '@backstory/testing';

// The code of docs/guides/testing.md. The store stands for one of your own.
class MyStore extends MemoryEventStore {}

const capabilities: StoreCapabilities = {
  durable: false,
  multiStreamAppends: true,
  densePositions: true,
  unindexed: [],
};

function harness(make: (log: MemoryLog, now?: () => number) => MemoryEventStore): EventStoreHarness {
  const opened = new Map<MemoryEventStore, MemoryLog>();
  const open = async (log: MemoryLog, now?: () => number) => {
    const store = make(log, now);
    opened.set(store, log);
    return store;
  };
  return {
    capabilities,
    open: () => open(new MemoryLog()),
    openWithClock: (now) => open(new MemoryLog(), now),
    openAnother: (store) => open(opened.get(store as MemoryEventStore)!),
    async cleanup() {
      for (const store of opened.keys()) await store.close();
      opened.clear();
    },
  };
}

describeEventStore(
  'my store',
  harness((log, now) => new MyStore(now ? { now } : {}, log)),
);

/** Keeps less than it was given. */
class Forgetful extends MemoryEventStore {
  override append(writes: Parameters<MemoryEventStore['append']>[0]) {
    return super.append(writes.map((write) => ({ ...write, events: write.events.map(shortened) })));
  }
}
const shortened = (event: StampedEvent) => ({ ...event, data: event.data.replace(/\s/g, '') });

test('the suite finds out a store that changes what it is given', async () => {
  const results = await runCases(
    eventStoreCases,
    harness((log, now) => new Forgetful(now ? { now } : {}, log)),
  );
  const failed = results.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name);
  expect(failed).not.toEqual([]);
});
