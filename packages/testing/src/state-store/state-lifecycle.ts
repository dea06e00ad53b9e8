import assert from 'node:assert/strict';
import type { StateStore } from '@backstory/core';
import { refused } from '../event-store/draft.js';
import { contents, keepsNothing, noOtherConnection, put, turn, type Case } from './state-parts.js';

const LEASE = { name: 'job', owner: 'one', token: 1, ttlMs: 500, expiresAt: new Date(0) };

const CALLS: Readonly<Record<string, (store: StateStore) => Promise<unknown>>> = {
  start: (store) => store.start(),
  transaction: (store) => store.transaction([], async () => undefined),
  read: (store) => store.read(async () => undefined),
  acquire: (store) => store.acquire('job', { owner: 'one', ttlMs: 500 }),
  renew: (store) => store.renew([LEASE]),
  release: (store) => store.release(LEASE),
  leases: (store) => store.leases(),
  now: (store) => store.now(),
};

export const stateLifecycleCases: readonly Case[] = [
  {
    name: 'two states are apart from each other, and starting twice changes nothing',
    async run(harness) {
      const [one, two] = [await harness.open(), await harness.open()];
      await put(one, 'c', { a: '1' });
      await one.start();
      assert.deepEqual([await contents(one, 'c'), await contents(two, 'c')], [[['a', '1']], []]);
    },
  },
  {
    name: 'what was committed, and who holds what, is there after a reopening',
    unless: keepsNothing,
    async run(harness) {
      const store = await harness.open();
      await put(store, 'c', { a: '1', '\u{1f600}': '2' });
      const lease = await store.acquire('job', { owner: 'one', ttlMs: 60_000 });
      assert.ok(lease);
      const again = await harness.reopen!(store);
      assert.deepEqual(await contents(again, 'c'), [
        ['a', '1'],
        ['\u{1f600}', '2'],
      ]);
      assert.deepEqual(await again.leases(), [lease]);
      await again.transaction([lease], (state) => state.put('c', 'b', '3'));
    },
  },
  {
    name: 'another connection sees what was committed, at once',
    unless: noOtherConnection,
    async run(harness) {
      const store = await harness.open();
      const other = await harness.openAnother!(store);
      await put(store, 'c', { a: '1' });
      assert.deepEqual(await contents(other, 'c'), [['a', '1']]);
      await put(other, 'c', { a: '2' });
      assert.deepEqual(await contents(store, 'c'), [['a', '2']]);
    },
  },
  {
    name: 'close waits for the transaction that runs; those that come later are refused',
    async run(harness) {
      const store = await harness.open();
      let ended = false;
      let begun = (): void => undefined;
      const runs = new Promise<void>((resolve) => (begun = resolve));
      const running = store.transaction([], async (state) => {
        begun();
        await state.put('c', 'a', '1');
        await turn();
        await state.put('c', 'b', '2');
        ended = true;
      });
      running.catch(() => undefined); // awaited below
      await Promise.race([runs, running]);
      const closing = store.close().then(() => ended);
      await refused(
        store.transaction([], async () => undefined),
        'BACKSTORY_STORE_CLOSED',
      );
      assert.equal(await closing, true, 'closed before the transaction ended');
      await running;
      await store.close();
    },
  },
  {
    name: 'close inside a transaction, which would wait for itself, is refused; the transaction goes on',
    async run(harness) {
      const store = await harness.open();
      await store.transaction([], async (state) => {
        await refused(store.close(), 'BACKSTORY_INSIDE_TRANSACTION', { operation: 'close' });
        await state.put('c', 'a', '1');
      });
      assert.deepEqual(await contents(store, 'c'), [['a', '1']]);
    },
  },
  ...Object.entries(CALLS).map(([method, call]): Case => ({
    name: `${method} of a closed state store throws StoreClosed`,
    async run(harness) {
      const store = await harness.open();
      await store.close();
      await refused(call(store), 'BACKSTORY_STORE_CLOSED');
    },
  })),
];
