import { setTimeout } from 'node:timers/promises';
import { StoreUnavailable, type RecordedEvent, type StateStore } from '@backstory/core';
import { findEvent, type Delivery } from '@backstory/router';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, processes, watching } from '../../../../test/support/subscribing.js';
import { partitionOf } from './key-partition.js';
import { markAt } from './mark.js';
import { Ownership } from './ownership.js';

const MARKS = 'backstory.subscriptions/fraud/once';
const REPLAY_MARKS = 'backstory.subscriptions/fraud/replay-once';
const LEFT_OUT = 'backstory.subscriptions/fraud/left-out';
const REPLAYS = 'backstory.subscriptions/fraud/replays';

/** Counts in the state store how often something was done. */
const count = (name: string, recorded: RecordedEvent<object>, { once }: Delivery) =>
  once(recorded, async (tx) => {
    const key = `${name} ${place(recorded)}`;
    await tx.put('effects', key, String(Number((await tx.get('effects', key)) ?? 0) + 1));
  });

async function effects(state: StateStore) {
  const rows = await state.read((view) => view.list('effects'));
  return Object.fromEntries(rows.map(({ key, value }) => [key, Number(value)]));
}

const empty = (state: StateStore, collection: string) =>
  eventually(async () => (await state.read((view) => view.count(collection))) === 0);

/** The next transaction is committed, and its answer is lost. */
function loseAnswer(state: StateStore): void {
  const transaction = state.transaction.bind(state);
  jest.spyOn(state, 'transaction').mockImplementationOnce(async (...asked) => {
    await transaction(...asked);
    throw new StoreUnavailable('a store', 'the answer is lost');
  });
}

/** For so many milliseconds from each call on, the store leaves questions unanswered. */
function silences(state: StateStore) {
  const read = state.read.bind(state);
  let over = Promise.resolve();
  jest.spyOn(state, 'read').mockImplementation(async (work) => {
    await over;
    return read(work);
  });
  return (ms: number) => {
    over = setTimeout(ms);
  };
}

/** Holds back one transaction under the lease of a partition, before it begins. */
function heldCheckpoints(state: StateStore) {
  const transaction = state.transaction.bind(state);
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  let wanted = false;
  const it = { isHeld: false, holdNext: () => (wanted = true), release: () => release() };
  jest.spyOn(state, 'transaction').mockImplementation(async (leases, work) => {
    if (wanted && leases.some(({ name }) => /\d\d$/.test(name))) {
      wanted = false;
      it.isHeld = true;
      await held;
    }
    return transaction(leases, work);
  });
  return it;
}

describeEachStorage((stores) => {
  const start = processes(stores);
  afterEach(() => jest.restoreAllMocks());

  it.each([
    ['at once', { checkpointMs: 1_000 }],
    ['by another owner', { checkpointMs: 20 }],
  ])(
    'what was done once before an event was left out is not done again with it, though nobody heard that it was done: %s',
    async (who, { checkpointMs }) => {
      const { events, state, subscriptions } = await start(await stores.storage());
      let isBroken = true;
      const watcher = watching(
        'fraud',
        async (_event, recorded, delivery) => {
          if (isBroken) loseAnswer(state);
          await count('first', recorded, delivery).catch(() => undefined);
          if (isBroken) throw new Error('no such rule');
          await count('second', recorded, delivery);
        },
        { retry: { attempts: 1 }, checkpointMs },
      );
      await subscriptions.add(watcher);
      const [id] = await recording(events)('1', new Deposited(1));
      await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
      await subscriptions.skip('fraud', { key: 'account-1' }, { actor: 'ann' });
      isBroken = false;
      if (who === 'by another owner') {
        await eventually(async () => (await subscriptions.parked('fraud')).length === 0);
        await subscriptions.remove('fraud');
        await subscriptions.add(watcher);
        await recording(events)('1', new Withdrawn(1));
        await empty(state, MARKS);
      }
      await subscriptions.replay('fraud', { event: id! });
      await empty(state, REPLAYS);
      expect(await effects(state)).toMatchObject({ 'first account-1 v1': 1, 'second account-1 v1': 1 });
    },
  );

  it.each([
    ['', 0],
    [', though progress is stored before the store answers', 100],
  ])('what a replay that failed has done once is not done again by the next one%s', async (_, ms) => {
    const { events, state, subscriptions } = await start(await stores.storage());
    const silence = silences(state);
    let isBroken = true;
    const watcher = watching(
      'fraud',
      async (_event, recorded, delivery) => {
        if (isBroken && !isSkipped) throw new Error('no such rule');
        await count('first', recorded, delivery);
        if (isBroken) silence(ms);
        if (isBroken) throw new Error('no such rule');
        await count('second', recorded, delivery);
      },
      { retry: { attempts: 1 }, checkpointMs: 20 },
    );
    let isSkipped = false;
    await subscriptions.add(watcher);
    const [id] = await recording(events)('1', new Deposited(1));
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
    await subscriptions.skip('fraud', { key: 'account-1' }, { actor: 'ann' });
    await eventually(async () => (await subscriptions.parked('fraud')).length === 0);
    isSkipped = true;
    for (const again of [false, true, false]) {
      await subscriptions.replay('fraud', { event: id!, again });
      await empty(state, REPLAYS);
    }
    isBroken = false;
    await subscriptions.replay('fraud', { event: id! });
    await empty(state, REPLAYS);
    expect(await effects(state)).toEqual({ 'first account-1 v1': 2, 'second account-1 v1': 1 });
    await empty(state, REPLAY_MARKS);
  });

  it('what a replay has done once is known to the next one while it is being stored', async () => {
    const { events, state, subscriptions } = await start(await stores.storage());
    const checkpoints = heldCheckpoints(state);
    let calls = 0;
    const watcher = watching(
      'fraud',
      async (_event, recorded, delivery) => {
        calls++;
        if (calls > 1) await count('first', recorded, delivery);
        if (calls === 2) checkpoints.holdNext();
        throw new Error('no such rule');
      },
      { retry: { attempts: 1 }, checkpointMs: 20 },
    );
    await subscriptions.add(watcher);
    const [id] = await recording(events)('1', new Deposited(1));
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
    await subscriptions.skip('fraud', { key: 'account-1' }, { actor: 'ann' });
    await eventually(async () => (await subscriptions.parked('fraud')).length === 0);
    try {
      await subscriptions.replay('fraud', { event: id! });
      await eventually(() => checkpoints.isHeld);
      await subscriptions.replay('fraud', { event: id! });
      await eventually(() => calls === 3);
    } finally {
      checkpoints.release();
    }
    await empty(state, REPLAYS);
    expect(await effects(state)).toEqual({ 'first account-1 v1': 1 });
  });

  it('what was done once after its event had been left out is known to a replay by the next owner', async () => {
    const { events, state, subscriptions } = await start(await stores.storage());
    let isBroken = true;
    const watcher = watching(
      'fraud',
      async (_event, recorded, delivery) => {
        if (isBroken) throw new Error('no such rule');
        await count('first', recorded, delivery);
      },
      { retry: { attempts: 1 }, checkpointMs: 20 },
    );
    await subscriptions.add(watcher);
    const [id] = await recording(events)('1', new Deposited(1));
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
    await subscriptions.skip('fraud', { key: 'account-1' }, { actor: 'ann' });
    await eventually(async () => (await state.read((view) => view.count(LEFT_OUT))) === 1);
    isBroken = false;
    // As by an attempt whose answer was lost, and that was committed all the same.
    const { position } = await findEvent(events, id!);
    const at = markAt(partitionOf('account-1'), { handler: 'watch', event: { id: id!, position }, nth: 0 });
    await state.transaction([], (tx) => tx.put(MARKS, at, 'account-1'));
    await subscriptions.remove('fraud');
    await subscriptions.add(watcher);
    await recording(events)('2', new Withdrawn(1));
    await empty(state, MARKS);
    await subscriptions.replay('fraud', { event: id! });
    await empty(state, REPLAYS);
    expect(await effects(state)).toEqual({ 'first account-2 v1': 1 });
  });

  describe('of an event that is parked, what was done once is not done again', () => {
    /** A key that is parked, and nobody who runs its subscription. */
    async function parkedBefore() {
      const { events, state, subscriptions } = await start(await stores.storage());
      let isBroken = true;
      const watcher = watching(
        'fraud',
        async (_event, recorded, delivery) => {
          await count('first', recorded, delivery);
          if (isBroken) throw new Error('no such rule');
        },
        { retry: { attempts: 1 }, checkpointMs: 20 },
      );
      await subscriptions.add(watcher);
      await recording(events)('1', new Deposited(1));
      await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
      await subscriptions.remove('fraud');
      const repaired = async () => {
        isBroken = false;
        await subscriptions.remove('fraud');
        await subscriptions.add(watcher);
        await subscriptions.retry('fraud', 'all', { actor: 'ann' });
        await eventually(async () => (await subscriptions.parked('fraud')).length === 0);
        return effects(state);
      };
      return { state, subscriptions, watcher, repaired };
    }

    it('where the checkpoint is kept before its partition is opened', async () => {
      const { state, subscriptions, watcher, repaired } = await parkedBefore();
      const opening = jest.spyOn(Ownership.prototype, 'open').mockImplementation(() => undefined);
      const keeping = jest.spyOn(Ownership.prototype, 'save');
      await subscriptions.add(watcher);
      await eventually(() => keeping.mock.calls.length > 1);
      expect(await state.read((view) => view.count(MARKS))).toBe(1);
      opening.mockRestore();
      expect(await repaired()).toEqual({ 'first account-1 v1': 1 });
    });

    it('where its partition is given up before it is opened', async () => {
      const { state, subscriptions, watcher, repaired } = await parkedBefore();
      let letGo = (): void => undefined;
      const held = new Promise<void>((go) => (letGo = go));
      const leases = state.leases.bind(state);
      const asking = jest.spyOn(state, 'leases').mockImplementationOnce(async (...asked) => {
        await held;
        return leases(...asked);
      });
      const added = subscriptions.add(watcher);
      await eventually(() => asking.mock.calls.length > 0);
      const removed = subscriptions.remove('fraud');
      letGo();
      await Promise.all([added, removed]);
      expect(await repaired()).toEqual({ 'first account-1 v1': 1 });
    });
  });
});
