import { eventStoreCases, runCases, stateStoreCases, type EventStoreHarness } from '@backstory/testing';
import { noOpEventStore, noOpStateStore } from './no-op-stores.js';

const eventHarness: EventStoreHarness = {
  capabilities: { durable: true, multiStreamAppends: true, densePositions: true, unindexed: ['types'] },
  open: async () => noOpEventStore(),
  openWithClock: async () => noOpEventStore(),
  reopen: async () => noOpEventStore(),
  openAnother: async () => noOpEventStore(),
  patienceMs: 100,
  seed: 1,
};

const stateHarness = {
  capabilities: { durable: true },
  open: async () => noOpStateStore(),
  openWithClock: async () => noOpStateStore(),
  reopen: async () => noOpStateStore(),
  openAnother: async () => noOpStateStore(),
};

describe('a store that does nothing fails every case of its suite', () => {
  it.each(eventStoreCases)('promise $promise: $name', async (one) => {
    expect(await runCases([one], eventHarness)).toEqual([expect.objectContaining({ outcome: 'failed' })]);
  });

  it.each(stateStoreCases)('state, $about: $name', async (one) => {
    expect(await runCases([one], stateHarness)).toEqual([expect.objectContaining({ outcome: 'failed' })]);
  });
});
