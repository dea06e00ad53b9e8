import { LeaseHolder, MemoryStateStore } from '@backstory/core/state';
import { partitionName } from './key-partition.js';
import { writeLeftOut } from './left-out.js';
import { parkedAt, writeParked, type ParkedKey } from './parked-key.js';
import { Partition } from './partition.js';
import { OnceEffects } from './once-effects.js';
import { PartitionState } from './partition-state.js';

const LOG = async () => ({ logId: 'log', epoch: 1 });

it('an owner that was overtaken writes nothing of that partition, and of its others everything', async () => {
  const state = new MemoryStateStore();
  const stored = new PartitionState(state, 'fraud');
  const [one, two] = [new LeaseHolder(state), new LeaseHolder(state)];
  const owned = await Promise.all(
    [3, 4].map(
      async (number) => new Partition(number, (await one.acquire(`p${number}`))!, { through: 5, ahead: [] }),
    ),
  );
  expect(await stored.save(owned, LOG)).toEqual({ written: 2, lost: [] });

  // As after a stall: the store has given the lease away, and this process does not know yet.
  await state.release((await state.leases('p3'))[0]!);
  await two.acquire('p3');
  for (const { tracker } of owned) tracker.examined(9);
  expect(owned[0]!.lease.isHeld).toBe(true);
  expect(await stored.save(owned, LOG)).toEqual({ written: 1, lost: [owned[0]] });
  const loaded = await stored.load([3, 4]);
  expect([3, 4].map((it) => loaded.get(it)?.progress?.through)).toEqual([5, 9]);

  const place = {
    lane: owned[0]!.lane('account-1'),
    handler: 'watch',
    event: { id: 'e', position: 9 },
    nth: 0,
    signal: new AbortController().signal,
  };
  const late = new OnceEffects(state, one, 'fraud').once(place, (tx) => tx.put('c', 'k', 'late'));
  await expect(late).rejects.toMatchObject({ code: 'BACKSTORY_FENCE_LOST', lease: 'p3' });
  expect(await state.read((view) => view.get('c', 'k'))).toBeUndefined();
  await Promise.all([one.close(), two.close()]);
});

it('what could not be written is written next time', async () => {
  const state = new MemoryStateStore();
  const stored = new PartitionState(state, 'fraud');
  const holder = new LeaseHolder(state);
  const partition = new Partition(3, (await holder.acquire('p3'))!, { through: 5, ahead: [] });
  const lane = partition.lane('account-1');
  partition.outcomes.set('1/watch', 'first').set('2/watch', 'second');
  partition.park(lane, { key: 'account-1', state: 'dead', from: 4, cursor: 4 } as never);
  const down = jest.spyOn(state, 'transaction').mockImplementationOnce(async () => {
    partition.outcomes.set('1/watch', 'newer');
    throw new Error('down');
  });
  await expect(stored.save([partition], LOG)).rejects.toThrow('down');
  down.mockRestore();
  expect(await stored.save([partition], LOG)).toMatchObject({ written: 1 });
  const { parked } = (await stored.load([3])).get(3)!;
  expect(parked).toMatchObject([{ key: 'account-1', cursor: 4 }]);
  const outcomes = await state.read((view) => view.list('backstory.subscriptions/fraud/outcomes'));
  expect(outcomes.map(({ value }) => value)).toEqual(['newer', 'second']);
  await holder.close();
});

it('of the partitions that are asked for, all that is parked is loaded, and nothing of others', async () => {
  const state = new MemoryStateStore();
  const stored = new PartitionState(state, 'fraud');
  const keys = [
    '\u0001',
    '/',
    '0',
    '\u{10ffff}',
    '\u{10ffff}z',
    ...Array.from({ length: 2_100 }, (_, i) => `k${i}`),
  ];
  const parked = [0, 1, 2, 3, 5, 62, 63].flatMap((partition) =>
    keys.map((key) => ({
      key: parkedAt(partition, key),
      value: writeParked({ key, state: 'dead', cursor: partition } as ParkedKey),
    })),
  );
  await state.transaction([], (tx) => tx.putMany('backstory.subscriptions/fraud/parked', parked));
  for (const asked of [[5], [63, 2, 3, 1], Array.from({ length: 64 }, (_, i) => i)]) {
    const loaded = await stored.load(asked);
    expect([...loaded.keys()].sort((a, b) => a - b)).toEqual(asked.toSorted((a, b) => a - b));
    for (const [partition, it] of loaded) {
      const there = parked.some(({ key }) => key.startsWith(partitionName(partition))) ? keys : [];
      expect(new Set(it.parked.map(({ key }) => key))).toEqual(new Set(there));
      expect(it.parked.filter(({ cursor }) => cursor !== partition)).toEqual([]);
    }
  }
});

describe('of what is left out, done and replayed', () => {
  const row = (reason: string) =>
    writeLeftOut({
      ...{ action: 'skip', key: 'k', eventId: 'e', from: 1, upTo: 1, actor: 'ann', at: '', done: [] },
      reason,
    });
  async function opened() {
    const state = new MemoryStateStore();
    const holder = new LeaseHolder(state);
    const partition = new Partition(3, (await holder.acquire('p3'))!, { through: 5, ahead: [] });
    const stored = new PartitionState(state, 'fraud');
    const save = () => stored.save([partition], LOG);
    const list = (part: string) => state.read((view) => view.list(`backstory.subscriptions/fraud/${part}`));
    return { state, partition, save, list, close: () => holder.close() };
  }

  it('what is noted while it is being stored is stored next time', async () => {
    const { state, partition, save, list, close } = await opened();
    partition.leftOut.set('03/x', row('first'));
    partition.done.add('03/r');
    const transaction = state.transaction.bind(state);
    jest.spyOn(state, 'transaction').mockImplementationOnce(async (...asked) => {
      partition.leftOut.set('03/x', row('second'));
      partition.done.add('03/r2');
      return transaction(...asked);
    });
    await save();
    await save();
    expect((await list('left-out')).map(({ value }) => value)).toEqual([row('second')]);
    await close();
  });

  it('what could not be stored, or removed, is next time', async () => {
    const { state, partition, save, list, close } = await opened();
    await state.transaction([], async (tx) => {
      for (const [part, key] of [
        ['replays', '03/r'],
        ['replay-once', '03/r/m'],
        ['requests', '03/q'],
      ] as const)
        await tx.put(`backstory.subscriptions/fraud/${part}`, key, 'there');
    });
    partition.replays.set('03/r', undefined);
    partition.replayMarks.add('03/r/m');
    partition.leftOut.set('03/x', row('first'));
    partition.done.add('03/q');
    jest.spyOn(state, 'transaction').mockRejectedValueOnce(new Error('down'));
    await expect(save()).rejects.toThrow('down');
    await save();
    expect(await Promise.all(['replays', 'replay-once', 'requests'].map(list))).toEqual([[], [], []]);
    expect(await list('left-out')).toHaveLength(1);
    await close();
  });
});
