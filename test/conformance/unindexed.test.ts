import { InvalidQuery, type EventStore, type LogQuery } from '@backstory/core';
import { MemoryEventStore } from '@backstory/core/store';
import { eventStoreCases, runCases, type EventStoreHarness } from '@backstory/testing';

const NAME = 'a filter without an index is refused unless a scan is allowed';
const cases = eventStoreCases.filter(({ name }) => name === NAME);

/** A store that declares filters it has no index for, and refuses them or not. */
function harness(refuses: boolean): EventStoreHarness {
  const unindexed = ['types', 'recordedFrom'] as const;
  const open = async (): Promise<EventStore> => {
    const store = new MemoryEventStore();
    const readAll = async function* (query: LogQuery = {}) {
      const asked = unindexed.find((filter) => query[filter] !== undefined);
      if (refuses && asked && !query.scan) throw new InvalidQuery(asked, 'has no index here: allow a scan.');
      yield* store.readAll(query);
    };
    return Object.assign(Object.create(store) as EventStore, { readAll });
  };
  return {
    capabilities: { durable: false, multiStreamAppends: true, densePositions: true, unindexed },
    open,
  };
}

test.each([
  [true, 'passed'],
  [false, 'failed'],
])('a store that refuses what it has no index for: %s, so the case has %s', async (refuses, outcome) => {
  expect(await runCases(cases, harness(refuses))).toEqual([expect.objectContaining({ name: NAME, outcome })]);
});
