import assert from 'node:assert/strict';
import type { StateStore } from '@backstory/core';
import type { Lease } from '@backstory/core/state';
import { refused } from '../event-store/draft.js';
import { keepsNothing, noOtherConnection, noStateClock, type Case } from './state-parts.js';

const NOBODY = undefined;

export const leaseCases: readonly Case[] = [
  {
    name: 'a lease that is free is given, for its time, and not to a second owner',
    unless: noStateClock,
    async run(harness) {
      const store = await harness.openWithClock!(() => 1_000);
      const lease = await take(store, 'one');
      const { token } = lease!;
      assert.ok(Number.isSafeInteger(token) && token > 0);
      assert.deepEqual(lease, { name: 'job', owner: 'one', token, ttlMs: 500, expiresAt: new Date(1_500) });
      assert.equal(await take(store, 'two'), NOBODY);
      assert.deepEqual(await store.leases(), [lease]);
    },
  },
  {
    name: 'a lease is held to the last millisecond and free when its time is over; the token rises',
    unless: noStateClock,
    async run(harness) {
      let now = 1_000;
      const store = await harness.openWithClock!(() => now);
      const first = await take(store, 'one');
      now = 1_499;
      assert.equal(await take(store, 'two'), NOBODY);
      now = 1_500;
      const second = await take(store, 'two');
      assert.ok(second && first && second.token > first.token);
      assert.deepEqual([second.owner, second.expiresAt], ['two', new Date(2_000)]);
      assert.equal(await take(store, 'one'), NOBODY);
    },
  },
  {
    name: 'an owner that takes its lease again keeps the token and gets new time, also when it had run out',
    unless: noStateClock,
    async run(harness) {
      let now = 1_000;
      const store = await harness.openWithClock!(() => now);
      const first = await take(store, 'one');
      now = 1_200;
      assert.deepEqual(await take(store, 'one'), { ...first, expiresAt: new Date(1_700) });
      now = 9_000;
      assert.deepEqual(await take(store, 'one'), { ...first, expiresAt: new Date(9_500) });
    },
  },
  {
    name: 'the clock that the store tells is the one by which leases run out',
    async run(harness) {
      const store = await harness.open();
      const before = await store.now();
      const lease = await take(store, 'one');
      const after = await store.now();
      const taken = lease!.expiresAt.getTime() - lease!.ttlMs;
      assert.ok(before.getTime() <= taken && taken <= after.getTime());
    },
  },
  {
    name: 'tokens rise over releases, so that a token is never given twice',
    async run(harness) {
      const store = await harness.open();
      const tokens: number[] = [];
      for (const owner of ['one', 'two', 'one', 'one']) {
        const lease = await take(store, owner);
        assert.ok(lease, 'a released lease is free at once');
        tokens.push(lease.token);
        await store.release(lease);
      }
      assert.deepEqual(
        tokens,
        [...new Set(tokens)].sort((a, b) => a - b),
      );
      assert.deepEqual(await store.leases(), []);
    },
  },
  {
    name: 'tokens rise over a reopening',
    unless: keepsNothing,
    async run(harness) {
      const store = await harness.open();
      const first = await take(store, 'one');
      await store.release(first!);
      const again = await harness.reopen!(store);
      assert.ok((await take(again, 'two'))!.token > first!.token);
    },
  },
  {
    name: 'renewing gives new time from now to the leases that are held, and leaves out the lost ones',
    unless: noStateClock,
    async run(harness) {
      let now = 1_000;
      const store = await harness.openWithClock!(() => now);
      const [a, b, c] = [
        await take(store, 'one', 'a'),
        await take(store, 'one', 'b'),
        await take(store, 'one', 'c'),
      ];
      now = 1_600;
      const taken = await take(store, 'two', 'b');
      await store.release(c!);
      const renewed = await store.renew([a!, b!, c!]);
      assert.deepEqual(renewed, [{ ...a, expiresAt: new Date(2_100) }]);
      assert.deepEqual(await store.leases(), [...renewed, taken]);
      assert.equal(await take(store, 'two', 'a'), NOBODY);
      assert.deepEqual(await store.renew([]), []);
    },
  },
  {
    name: 'releasing a lease that was lost leaves its new owner alone',
    unless: noStateClock,
    async run(harness) {
      let now = 1_000;
      const store = await harness.openWithClock!(() => now);
      const first = await take(store, 'one');
      now = 5_000;
      const second = await take(store, 'two');
      await store.release(first!);
      assert.deepEqual(await store.leases(), [second]);
      await store.release(second!);
      await store.release(second!);
      assert.deepEqual(await store.leases(), []);
    },
  },
  {
    name: 'leases are listed by prefix in byte order, those that have run out as well, with what they were given',
    unless: noStateClock,
    async run(harness) {
      let now = 1_000;
      const store = await harness.openWithClock!(() => now);
      const names = ['b', 'p_1', 'p/1', 'p/10', 'p/2', 'p/\uff5e', 'p/\u{1f600}'];
      const given: (Lease | undefined)[] = [];
      for (const name of [...names].reverse()) given.unshift(await take(store, 'one', name));
      now = 99_000;
      const listed = await store.leases('p/');
      assert.deepEqual(
        listed.map(({ name }) => name),
        ['p/1', 'p/10', 'p/2', 'p/\uff5e', 'p/\u{1f600}'],
      );
      assert.deepEqual(listed, given.slice(2));
      assert.deepEqual(
        (await store.leases('p_')).map(({ name }) => name),
        ['p_1'],
      );
      assert.equal((await store.leases()).length, 7);
    },
  },
  {
    name: 'of many that take a lease in one moment one gets it',
    async run(harness) {
      const store = await harness.open();
      await oneWins(Array.from({ length: 20 }, () => store));
    },
  },
  {
    name: 'of many that take a lease in one moment over two connections one gets it',
    unless: noOtherConnection,
    async run(harness) {
      const store = await harness.open();
      const other = await harness.openAnother!(store);
      await oneWins(Array.from({ length: 12 }, (_, i) => (i % 2 ? store : other)));
    },
  },
  {
    name: 'a lease without a proper name, owner or time is refused',
    async run(harness) {
      const store = await harness.open();
      const bad = [
        ['', 'one', 500],
        ['a\n', 'one', 500],
        ['job', '', 500],
        ['job', '\ud83d', 500],
        ['job', 'one', 0],
        ['job', 'one', 1.5],
        ['job', 'one', NaN],
        ['job', 'one', 2 ** 31],
        ['job', 'one', Number.MAX_SAFE_INTEGER],
      ] as const;
      for (const [name, owner, ttlMs] of bad) {
        const taking = store.acquire(name, { owner, ttlMs });
        await refused(taking, 'BACKSTORY_INVALID_STATE_ENTRY', { part: 'lease' });
      }
      assert.deepEqual(await store.leases(), []);
      const lease = (await take(store, 'one'))!;
      const held = await store.leases();
      for (const ttlMs of [0, NaN, 2 ** 31]) {
        const renewing = store.renew([{ ...lease, ttlMs }]);
        await refused(renewing, 'BACKSTORY_INVALID_STATE_ENTRY', { part: 'lease' });
      }
      assert.deepEqual(await store.leases(), held);
    },
  },
];

function take(store: StateStore, owner: string, name = 'job'): Promise<Lease | undefined> {
  return store.acquire(name, { owner, ttlMs: 500 });
}

async function oneWins(stores: readonly StateStore[]): Promise<void> {
  const takes = stores.map((store, i) => store.acquire('job', { owner: `owner-${i}`, ttlMs: 60_000 }));
  const won = (await Promise.all(takes)).filter((lease) => lease !== undefined);
  assert.equal(won.length, 1);
  assert.deepEqual(await stores[0]!.leases(), won);
}
