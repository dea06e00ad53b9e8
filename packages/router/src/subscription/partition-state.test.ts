import { LeaseHolder, MemoryStateStore } from '@backstory/core/state';
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
  };
  const late = new OnceEffects(state, 'fraud').once(place, (tx) => tx.put('c', 'k', 'late'));
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
  expect(parked.map((it) => it.read())).toMatchObject([{ key: 'account-1', cursor: 4 }]);
  const outcomes = await state.read((view) => view.list('backstory.subscriptions/fraud/outcomes'));
  expect(outcomes.map(({ value }) => value)).toEqual(['newer', 'second']);
  await holder.close();
});
