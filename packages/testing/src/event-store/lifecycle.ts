import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { follow, type EventStore } from '@backstory/core';
import { event, events, pagesOf, refused, wholeLog, write } from './draft.js';
import { eventually, type Case } from './harness-parts.js';

/** Every method of a store that is closed. */
const CALLS: Readonly<Record<string, (store: EventStore) => Promise<unknown>>> = {
  append: (store) => store.append([write('a-1', 'any')]),
  readStream: (store) => pagesOf(store.readStream('a-1')),
  readAll: (store) => pagesOf(store.readAll()),
  listStreams: async (store) => {
    for await (const _ of store.listStreams());
  },
  onAppend: async (store) => store.onAppend(() => undefined),
  identity: (store) => store.identity(),
  restore: (store) => store.restore([]),
  adopt: (store) => store.adopt(),
  follow: (store) => follow(store, { signal: AbortSignal.timeout(1_000) }).next(),
};

/** 8. Opening, closing, and what runs in the background in between. */
export const lifecycleCases: readonly Case[] = [
  ...Object.entries(CALLS).map(([method, call]): Case => ({
    name: `${method} of a closed store throws StoreClosed`,
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none')]);
      await store.close();
      await refused(eventually(harness, 'StoreClosed', call(store)), 'BACKSTORY_STORE_CLOSED');
    },
  })),
  {
    name: 'close lets what was accepted finish, and may be called again',
    async run(harness) {
      const store = await harness.open();
      const appends = Array.from({ length: 30 }, (_, i) => store.append([write('a-1', i)]));
      const closing = store.close();
      const late = store.append([write('a-1', 'any')]).then(
        () => 'recorded',
        (error: { code?: string }) => error.code,
      );
      const versions = (await Promise.all(appends)).map(({ writes }) => writes[0]?.version);
      assert.deepEqual(
        versions,
        Array.from({ length: 30 }, (_, i) => i + 1),
      );
      await closing;
      await store.close();
      assert.equal(await late, 'BACKSTORY_STORE_CLOSED');
    },
  },
  {
    name: 'a read that is under way when the store is closed ends with StoreClosed, not as if it were complete',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(9))]);
      const reading = store.readAll({ pageSize: 3 })[Symbol.asyncIterator]();
      const { value } = (await reading.next()) as { value: { events: readonly unknown[] } };
      assert.equal(value.events.length, 3);
      await store.close();
      await refused(
        (async () => {
          for (let step = await reading.next(); !step.done; step = await reading.next());
        })(),
        'BACKSTORY_STORE_CLOSED',
      );
    },
  },
  {
    name: 'a read that is broken off leaves the store as it was',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(9))]);
      let pages = 0;
      for await (const page of store.readAll({ pageSize: 2 })) {
        assert.equal(page.events.length, 2);
        if (++pages === 2) break;
      }
      await store.append([write('a-1', 9)]);
      assert.equal((await wholeLog(store)).length, 10);
      await eventually(harness, 'the store to close', store.close());
    },
  },
  {
    name: 'two reads of one result do not disturb each other, nor does an append between pages',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(6))]);
      const [one, two] = [store.readAll({ pageSize: 2 }), store.readAll({ pageSize: 3 })];
      const [seenByOne, seenByTwo] = await Promise.all([
        pagesOf(one),
        pagesOf(two),
        store.append([write('b-1', 'none')]),
      ]);
      const log = await wholeLog(store);
      assert.equal(log.length, 7);
      for (const seen of [seenByOne, seenByTwo]) {
        const ids = seen.flatMap((page) => page.events).map(({ id }) => id);
        assert.deepEqual(
          ids.slice(0, 6),
          log.slice(0, 6).map(({ id }) => id),
        );
      }
    },
  },
  {
    name: 'wake-ups belong to no flow: they come outside every async context',
    async run(harness) {
      const store = await harness.open();
      const flow = new AsyncLocalStorage<string>();
      let unsubscribe = (): void => undefined;
      const woken = new Promise<string | undefined>((resolve) => {
        flow.run('the flow that subscribes', () => {
          unsubscribe = store.onAppend(() => resolve(flow.getStore()));
        });
      });
      await flow.run('the flow that appends', () => store.append([write('a-1', 'none', event())]));
      assert.equal(await eventually(harness, 'a wake-up', woken), undefined);
      unsubscribe();
    },
  },
];
