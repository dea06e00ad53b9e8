import assert from 'node:assert/strict';
import type { StateStore } from '@backstory/core';
import type { Lease } from '@backstory/core/state';
import { refused } from '../event-store/draft.js';
import { contents, noOtherConnection, noStateClock, put, turns, type Case } from './state-parts.js';

export const fenceCases: readonly Case[] = [
  {
    name: 'a transaction under a lease that is held commits, also one that has run out and was not taken over',
    unless: noStateClock,
    async run(harness) {
      let now = 1_000;
      const store = await harness.openWithClock!(() => now);
      const lease = await acquired(store, 'one');
      await store.transaction([lease], (state) => state.put('c', 'a', '1'));
      now += 10_000;
      await store.transaction([{ name: lease.name, token: lease.token }], (state) =>
        state.put('c', 'b', '2'),
      );
      assert.equal((await contents(store, 'c')).length, 2);
    },
  },
  {
    name: 'a transaction under a lease that somebody else has taken over is refused, and nothing is written',
    unless: noStateClock,
    async run(harness) {
      let now = 1_000;
      const store = await harness.openWithClock!(() => now);
      const lease = await acquired(store, 'one');
      now += 10_000;
      const taken = await acquired(store, 'two');
      await losesFence(store, lease);
      await store.transaction([taken], (state) => state.put('c', 'a', 'by the new owner'));
      assert.deepEqual(await contents(store, 'c'), [['a', 'by the new owner']]);
    },
  },
  {
    name: 'a transaction under a lease that was released, never given or given with another token is refused',
    async run(harness) {
      const store = await harness.open();
      const lease = await acquired(store, 'one');
      await losesFence(store, { ...lease, token: lease.token + 1 });
      await losesFence(store, { ...lease, token: lease.token - 1 });
      await losesFence(store, { ...lease, name: 'never given' });
      await store.transaction([lease], (state) => state.put('d', 'a', '1'));
      await store.release(lease);
      await losesFence(store, lease);
      assert.equal((await contents(store, 'd')).length, 1);
    },
  },
  {
    name: 'a transaction under several leases needs every one of them',
    async run(harness) {
      const store = await harness.open();
      const owner = { owner: 'one', ttlMs: 60_000 };
      const [first, second] = [await store.acquire('first', owner), await store.acquire('second', owner)];
      assert.ok(first && second);
      await store.transaction([first, second], (state) => state.put('c', 'a', 'under both'));
      await store.release(second);
      const writing = store.transaction([first, second], (state) => state.put('c', 'a', 'under one'));
      await refused(writing, 'BACKSTORY_FENCE_LOST', { lease: 'second', token: second.token });
      assert.deepEqual(await contents(store, 'c'), [['a', 'under both']]);
    },
  },
  {
    name: 'a lease that is taken over while a transaction under it runs stops that transaction, or waits for its end',
    unless: noStateClock,
    async run(harness) {
      let now = 1_000;
      const store = await harness.openWithClock!(() => now);
      await takenOverMeanwhile(store, store, () => (now += 10_000));
    },
  },
  {
    name: 'a lease that another connection takes over stops the transaction under it, or waits for its end',
    unless: (harness) => noStateClock(harness) ?? noOtherConnection(harness),
    async run(harness) {
      let now = 1_000;
      const store = await harness.openWithClock!(() => now);
      await takenOverMeanwhile(store, await harness.openAnother!(store), () => (now += 10_000));
    },
  },
  {
    name: 'work under a lost lease is not begun, or its outcome is thrown away with the rest',
    async run(harness) {
      const store = await harness.open();
      await put(store, 'c', { kept: '1' });
      const lease = await acquired(store, 'one');
      await store.release(lease);
      const clearing = store.transaction([lease], (state) => state.clear('c'));
      await refused(clearing, 'BACKSTORY_FENCE_LOST', { lease: 'job', token: lease.token });
      assert.deepEqual(await contents(store, 'c'), [['kept', '1']]);
    },
  },
];

async function acquired(store: StateStore, owner: string): Promise<Lease> {
  const lease = await store.acquire('job', { owner, ttlMs: 1_000 });
  assert.ok(lease, `${owner} should get the lease`);
  return lease;
}

async function losesFence(store: StateStore, lease: Lease): Promise<void> {
  const before = await contents(store, 'c');
  const writing = store.transaction([lease], (state) => state.put('c', 'late', '1'));
  await refused(writing, 'BACKSTORY_FENCE_LOST', { lease: lease.name, token: lease.token });
  assert.deepEqual(await contents(store, 'c'), before);
}

/** Either the take-over came first, then nothing is written; or the transaction did, then the take-over waited. */
async function takenOverMeanwhile(store: StateStore, other: StateStore, expire: () => void): Promise<void> {
  const lease = await acquired(store, 'one');
  expire();
  let taken: Lease | undefined;
  let takenBeforeTheEnd = false;
  let go = (): void => undefined;
  const running = new Promise<void>((resolve) => (go = resolve));
  const taking = running.then(
    async () => (taken = await other.acquire('job', { owner: 'two', ttlMs: 1_000 })),
  );
  const writing = store.transaction([lease], async (state) => {
    await state.put('c', 'a', '1');
    go();
    await turns(10);
    takenBeforeTheEnd = taken !== undefined;
  });
  const outcome = await writing.then(
    () => 'committed',
    (error: { code?: string }) => error.code,
  );
  assert.equal(outcome, takenBeforeTheEnd ? 'BACKSTORY_FENCE_LOST' : 'committed');
  assert.equal((await taking)?.owner, 'two');
  assert.deepEqual(await contents(store, 'c'), takenBeforeTheEnd ? [] : [['a', '1']]);
  await losesFence(store, lease);
}
