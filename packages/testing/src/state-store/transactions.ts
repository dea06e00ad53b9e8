import assert from 'node:assert/strict';
import type { StateStore } from '@backstory/core';
import type { StateTransaction, StateView } from '@backstory/core/state';
import { refused } from '../event-store/draft.js';
import { contents, noOtherConnection, put, turn, type Case } from './state-parts.js';

export const transactionCases: readonly Case[] = [
  {
    name: 'a transaction returns what its work returns, and everything it wrote is there',
    async run(harness) {
      const store = await harness.open();
      await put(store, 'c', { gone: '1' });
      const result = await store.transaction([], async (state) => {
        await state.put('c', 'a', '1');
        await state.putMany('d', [
          { key: 'x', value: '2' },
          { key: 'y', value: '3' },
        ]);
        await state.delete('c', 'gone');
        return 'done';
      });
      assert.equal(result, 'done');
      assert.deepEqual(await contents(store, 'c'), [['a', '1']]);
      assert.deepEqual(await contents(store, 'd'), [
        ['x', '2'],
        ['y', '3'],
      ]);
    },
  },
  {
    name: 'a transaction whose work throws leaves nothing and passes the error on',
    async run(harness) {
      const store = await harness.open();
      await put(store, 'c', { a: '1', b: '2' });
      const failing = store.transaction([], async (state) => {
        await state.put('c', 'a', 'changed');
        await state.delete('c', 'b');
        await state.clear('c');
        await state.put('d', 'new', '1');
        throw new Error('work failed');
      });
      await assert.rejects(failing, /work failed/);
      assert.deepEqual(
        [await contents(store, 'c'), await contents(store, 'd')],
        [
          [
            ['a', '1'],
            ['b', '2'],
          ],
          [],
        ],
      );
      await put(store, 'c', { c: '3' });
      assert.equal((await contents(store, 'c')).length, 3);
    },
  },
  {
    name: 'a transaction reads what it wrote, in every way of reading',
    async run(harness) {
      const store = await harness.open();
      await put(store, 'c', { a: '1', b: '2', z: '26' });
      await store.transaction([], async (state) => {
        await state.put('c', 'a', 'one');
        await state.put('c', 'm', '13');
        await state.delete('c', 'b');
        assert.deepEqual(await allWays(state), ['one', undefined, ['a', 'm', 'z'], 3, ['a', 'm']]);
        await state.clear('c');
        assert.deepEqual(await allWays(state), [undefined, undefined, [], 0, []]);
        await state.put('c', 'b', 'two');
        assert.deepEqual(await allWays(state), [undefined, 'two', ['b'], 1, []]);
      });
      assert.deepEqual(await contents(store, 'c'), [['b', 'two']]);
    },
  },
  {
    name: 'nobody reads what a transaction has not committed',
    async run(harness) {
      const store = await harness.open();
      await put(store, 'c', { a: 'before' });
      let isOpen = true;
      let reading: Promise<readonly [isOpen: boolean, seen: [string, string][]]> | undefined;
      await store.transaction([], async (state) => {
        await state.put('c', 'a', 'after');
        await state.put('c', 'b', 'after');
        reading = contents(store, 'c').then((seen) => [isOpen, seen]);
        // A store may let reads wait until the transaction is over.
        await Promise.race([reading, new Promise((done) => setTimeout(done, 2_000).unref())]);
        isOpen = false;
      });
      const [wasOpen, seen] = await reading!;
      const [before, after] = [
        [['a', 'before']],
        [
          ['a', 'after'],
          ['b', 'after'],
        ],
      ];
      assert.deepEqual(seen, !wasOpen && seen.length > 1 ? after : before);
      assert.equal((await contents(store, 'c')).length, 2);
    },
  },
  {
    name: 'a read sees one moment, whatever is written while it runs',
    async run(harness) {
      const store = await harness.open();
      await put(store, 'c', { a: '1', b: '1' });
      const seen = await store.read(async (state) => {
        const before = await state.get('c', 'a');
        await put(store, 'c', { a: '2', b: '2', d: '2' });
        return [
          before,
          await state.get('c', 'b'),
          await state.count('c'),
          (await state.getMany('c', ['a', 'd'])).size,
        ];
      });
      assert.deepEqual(seen, ['1', '1', 2, 1]);
      assert.deepEqual(
        (await contents(store, 'c')).map(([, value]) => value),
        ['2', '2', '2'],
      );
    },
  },
  {
    name: 'concurrent transactions behave as if they ran one after another: no increment is lost',
    async run(harness) {
      const store = await harness.open();
      await Promise.all(Array.from({ length: 20 }, () => increment(store)));
      assert.deepEqual(await contents(store, 'c'), [['n', '20']]);
    },
  },
  {
    name: 'transactions over two connections lose no increment either',
    unless: noOtherConnection,
    async run(harness) {
      const store = await harness.open();
      const other = await harness.openAnother!(store);
      await Promise.all(Array.from({ length: 16 }, (_, i) => increment(i % 2 ? store : other)));
      assert.deepEqual(await contents(other, 'c'), [['n', '16']]);
    },
  },
  {
    name: 'a transaction that fails does not disturb those waiting behind it',
    async run(harness) {
      const store = await harness.open();
      const outcomes = await Promise.allSettled([
        increment(store),
        store.transaction([], async (state) => {
          await state.put('c', 'n', '1000');
          await turn();
          throw new Error('work failed');
        }),
        increment(store),
      ]);
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.deepEqual(await contents(store, 'c'), [['n', '2']]);
    },
  },
  {
    name: 'a transaction inside a transaction is refused rather than waited for; after it there may be another',
    async run(harness) {
      const store = await harness.open();
      const inner = () => store.transaction([], (state) => state.put('c', 'a', 'inner'));
      await store.transaction([], async (state) => {
        await refused(inner(), 'BACKSTORY_INSIDE_TRANSACTION', { operation: 'transaction' });
        await state.put('c', 'a', 'outer');
      });
      assert.deepEqual(await contents(store, 'c'), [['a', 'outer']]);
      await inner();
      assert.deepEqual(await contents(store, 'c'), [['a', 'inner']]);
    },
  },
  {
    name: 'a read that has ended cannot be read through',
    async run(harness) {
      const store = await harness.open();
      let kept: StateView | undefined;
      await store.read(async (state) => (kept = state));
      await assert.rejects(async () => kept!.get('c', 'a'));
      await assert.rejects(async () => kept!.getMany('c', ['a']));
      await assert.rejects(async () => kept!.list('c'));
      await assert.rejects(async () => kept!.count('c'));
    },
  },
  {
    name: 'a transaction that has ended can neither be read nor written through',
    async run(harness) {
      const store = await harness.open();
      let kept: StateTransaction | undefined;
      await store.transaction([], async (state) => {
        kept = state;
        await state.put('c', 'a', '1');
      });
      await refusesEverything(kept);
      await assert.rejects(
        store.transaction([], async (state) => {
          kept = state;
          throw new Error('work failed');
        }),
      );
      await refusesEverything(kept);
      assert.deepEqual(await contents(store, 'c'), [['a', '1']]);
    },
  },
];

function allWays(state: StateTransaction): Promise<unknown[]> {
  return Promise.all([
    state.get('c', 'a'),
    state.get('c', 'b'),
    state.list('c').then((entries) => entries.map(({ key }) => key)),
    state.count('c'),
    state.getMany('c', ['a', 'm']).then((found) => [...found.keys()].sort()),
  ]);
}

async function increment(store: StateStore): Promise<void> {
  await store.transaction([], async (state) => {
    const n = Number((await state.get('c', 'n')) ?? 0);
    await turn();
    await state.put('c', 'n', String(n + 1));
  });
}

async function refusesEverything(state: StateTransaction | undefined): Promise<void> {
  assert.ok(state);
  await assert.rejects(async () => state.get('c', 'a'));
  await assert.rejects(async () => state.getMany('c', ['a']));
  await assert.rejects(async () => state.list('c'));
  await assert.rejects(async () => state.count('c'));
  await assert.rejects(async () => state.put('c', 'late', '1'));
  await assert.rejects(async () => state.putMany('c', [{ key: 'late', value: '1' }]));
  await assert.rejects(async () => state.delete('c', 'a'));
  await assert.rejects(async () => state.clear('c'));
}
