import assert from 'node:assert/strict';
import type { EventStore, LogPage } from '@backstory/core';
import { event, events, eventsOf, pagesOf, positionsOf, refused, wholeLog, write } from './draft.js';
import { noClock, type Case } from './harness-parts.js';
import { listingCases } from './listing.js';

/** 6. Pages, limits, bounds and directions are exact. */
export const boundsCases: readonly Case[] = [
  {
    name: 'bounds are exact in both directions: after is left out, upTo is included',
    async run(harness) {
      const store = await tenEvents(await harness.open());
      const at = positionsOf(await wholeLog(store));
      const bounds = { after: at[2]!, upTo: at[6]! };
      assert.deepEqual(positionsOf(await eventsOf(store.readAll(bounds))), at.slice(3, 7));
      const back = await eventsOf(store.readAll({ ...bounds, backwards: true }));
      assert.deepEqual(positionsOf(back), at.slice(3, 7).reverse());
      const versions = async (slice: { backwards?: boolean }) =>
        (await eventsOf(store.readStream('a-1', { after: 2, upTo: 5, ...slice }))).map(
          ({ version }) => version,
        );
      assert.deepEqual(
        [await versions({}), await versions({ backwards: true })],
        [
          [3, 4, 5],
          [5, 4, 3],
        ],
      );
    },
  },
  {
    name: 'a limit counts events in all, not events a page, and zero gives none',
    async run(harness) {
      const store = await tenEvents(await harness.open());
      const counts = async (pages: AsyncIterable<LogPage>) => (await eventsOf(pages)).length;
      for (const backwards of [false, true]) {
        for (const limit of [0, 1, 3, 4, 9, 10, 11]) {
          const bounds = { limit, pageSize: 3, backwards };
          assert.equal(await counts(store.readAll(bounds)), Math.min(limit, 10));
          assert.equal(await counts(store.readStream('a-1', bounds)), Math.min(limit, 10));
        }
      }
      const [none] = await pagesOf(store.readAll({ after: 4, limit: 0 }));
      assert.deepEqual(none, { events: [], through: 4 });
    },
  },
  {
    name: 'pages of one event are as good as pages of many',
    async run(harness) {
      const store = await tenEvents(await harness.open());
      const log = await wholeLog(store);
      assert.equal(log.length, 10);
      for (const backwards of [false, true]) {
        const pages = await pagesOf(store.readAll({ pageSize: 1, backwards }));
        assert.ok(pages.every(({ events: [, second] }) => second === undefined));
        assert.deepEqual(
          pages.flatMap((page) => page.events),
          backwards ? [...log].reverse() : log,
        );
      }
    },
  },
  {
    name: 'a page holds 500 events where nothing else is said, and 10,000 when asked',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(1_100))]);
      const sizes = async (query: { pageSize?: number }) =>
        (await pagesOf(store.readAll(query))).map((page) => page.events.length).filter((size) => size > 0);
      assert.deepEqual(await sizes({}), [500, 500, 100]);
      assert.deepEqual(await sizes({ pageSize: 10_000 }), [1_100]);
    },
  },
  {
    name: 'beyond the head there is one empty page whose through is not lower than where it began',
    async run(harness) {
      const store = await tenEvents(await harness.open());
      const { head } = await store.identity();
      assert.ok(head >= 10);
      assert.deepEqual(await pagesOf(store.readAll({ after: head })), [{ events: [], through: head }]);
      assert.deepEqual(await pagesOf(store.readAll({ after: head + 9 })), [
        { events: [], through: head + 9 },
      ]);
      assert.deepEqual(await pagesOf(store.readStream('a-1', { after: 99 })), [{ events: [], through: 99 }]);
    },
  },
  {
    name: 'an empty log and a stream without events give one empty page',
    async run(harness) {
      const store = await harness.open();
      const empty = [{ events: [], through: 0 }];
      assert.deepEqual(await pagesOf(store.readAll()), empty);
      assert.deepEqual(await pagesOf(store.readStream('a-1')), empty);
      await store.append([write('a-2', 'none')]);
      assert.deepEqual(await pagesOf(store.readStream('a-1')), empty);
      assert.equal((await eventsOf(store.readStream('a-2'))).length, 1);
    },
  },
  {
    name: 'an empty page still says how far the store has looked',
    async run(harness) {
      const store = await tenEvents(await harness.open());
      const { head } = await store.identity();
      const through = async (query: object) => (await pagesOf(store.readAll(query))).at(-1)!.through;
      assert.ok(head > 5);
      assert.equal(await through({ types: ['never'] }), head);
      assert.equal(await through({ types: ['never'], upTo: 5 }), 5);
      assert.equal(await through({ types: ['never'], after: 3, backwards: true }), 4);
    },
  },
  {
    name: 'an empty list matches nothing, a list with unknown names nothing more',
    async run(harness) {
      const store = await tenEvents(await harness.open());
      for (const filter of ['types', 'streams', 'categories', 'ids'] as const) {
        assert.deepEqual(await eventsOf(store.readAll({ [filter]: [], scan: true })), []);
        assert.deepEqual(await eventsOf(store.readAll({ [filter]: ['nobody'], scan: true })), []);
      }
      const twice = await eventsOf(store.readAll({ streams: ['a-1', 'nobody', 'a-1'] }));
      assert.equal(twice.length, 10);
    },
  },
  {
    name: 'a category is what stands before the first dash, and the whole name where there is none',
    async run(harness) {
      const store = await harness.open();
      const names = ['order-1', 'order-1-2', 'order', 'orders-1', 'Order-1', 'ord-er-1'];
      for (const name of names) await store.append([write(name, 'none')]);
      const found = await eventsOf(store.readAll({ categories: ['order'] }));
      assert.deepEqual(
        found.map(({ stream }) => stream),
        ['order-1', 'order-1-2', 'order'],
      );
    },
  },
  {
    name: 'system streams are left out of the log unless they are asked for or named',
    async run(harness) {
      const store = await harness.open();
      for (const name of ['a-1', '_ops-1', '_ops-2', '_audit-1']) await store.append([write(name, 'none')]);
      const found = async (query: object) =>
        (await eventsOf(store.readAll(query))).map(({ stream }) => stream);
      assert.deepEqual(await found({}), ['a-1']);
      assert.deepEqual(await found({ includeSystem: true }), ['a-1', '_ops-1', '_ops-2', '_audit-1']);
      assert.deepEqual(await found({ categories: ['_ops'] }), ['_ops-1', '_ops-2']);
      assert.deepEqual(await found({ streams: ['_audit-1', 'a-1'] }), ['a-1', '_audit-1']);
      assert.deepEqual(await found({ categories: ['_ops'], includeSystem: false }), []);
      const { head } = await store.identity();
      assert.equal((await pagesOf(store.readAll())).at(-1)!.through, head);
      assert.equal((await eventsOf(store.readStream('_ops-1'))).length, 1);
    },
  },
  {
    name: 'recordedFrom and recordedUpTo are both included, to the millisecond',
    unless: noClock,
    async run(harness) {
      let now = 1_000;
      const store = await harness.openWithClock!(() => now);
      for (; now < 1_005; now++) await store.append([write('a-1', 'any')]);
      const times = async (query: object) =>
        (await eventsOf(store.readAll(query))).map(({ recordedAt }) => recordedAt.getTime());
      const [from, upTo] = [new Date(1_001), new Date(1_003)];
      assert.deepEqual(await times({ recordedFrom: from, recordedUpTo: upTo }), [1_001, 1_002, 1_003]);
      assert.deepEqual(await times({ recordedFrom: upTo }), [1_003, 1_004]);
      const slice = await eventsOf(store.readStream('a-1', { recordedUpTo: from }));
      assert.deepEqual(
        slice.map(({ version }) => version),
        [1, 2],
      );
    },
  },
  {
    name: 'a stream is read as it was at a position of the log',
    async run(harness) {
      const store = await harness.open();
      for (let i = 0; i < 4; i++) await store.append([write(`a-${i % 2}`, 'any')]);
      const positions = positionsOf(await wholeLog(store));
      const versions = async (upToPosition: number) =>
        (await eventsOf(store.readStream('a-0', { upToPosition }))).map(({ version }) => version);
      assert.deepEqual(await versions(positions[1]!), [1]);
      assert.deepEqual(await versions(positions[2]!), [1, 2]);
      assert.deepEqual(await versions(positions[0]! - 1), []);
    },
  },
  {
    name: 'a read goes up to the head as it is when its last page is read',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(4))]);
      let pages = 0;
      let read = 0;
      for await (const page of store.readAll({ pageSize: 2 })) {
        read += page.events.length;
        if (pages++ === 0) await store.append([write('a-2', 'none', event())]);
      }
      assert.equal(read, 5);
    },
  },
  {
    name: 'a filter without an index is refused unless a scan is allowed',
    unless: ({ capabilities }) =>
      capabilities.unindexed.length > 0 ? undefined : 'every filter has an index',
    async run(harness) {
      const store = await tenEvents(await harness.open());
      const values = {
        categories: ['a'],
        streams: ['a-1'],
        types: ['t'],
        ids: ['i'],
        correlationIds: ['c'],
        causationIds: ['c'],
      };
      for (const filter of harness.capabilities.unindexed) {
        const value = filter in values ? values[filter as keyof typeof values] : new Date(0);
        const query = { [filter]: value };
        await refused(eventsOf(store.readAll(query)), 'BACKSTORY_INVALID_QUERY', { option: filter });
        await eventsOf(store.readAll({ ...query, scan: true }));
      }
    },
  },
  ...listingCases,
];

async function tenEvents(store: EventStore): Promise<EventStore> {
  await store.append([write('a-1', 'none', ...events(10))]);
  return store;
}
