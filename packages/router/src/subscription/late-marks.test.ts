import { LeaseHolder, MemoryStateStore } from '@backstory/core/state';
import { partitionOf } from './key-partition.js';
import { leftOutAt, readLeftOut, writeLeftOut, type LeftOut } from './left-out.js';
import { markAt } from './mark.js';
import { OnceEffects } from './once-effects.js';
import { Partition, type Replaying } from './partition.js';
import { PartitionState } from './partition-state.js';

const KEY = 'account-1';
const NUMBER = partitionOf(KEY);
const LOG = async () => ({ logId: 'log', epoch: 1 });
const EVENT = { id: 'e', position: 4 };
const AT = markAt(NUMBER, { handler: 'watch', event: EVENT, nth: 0 });
const LEFT_OUT: LeftOut = {
  ...{ action: 'discard', key: KEY, eventId: 'e', from: 3, upTo: 9 },
  ...{ actor: 'ann', at: '2026-11-20T12:00:00Z', done: [] },
};

/** A partition in which events of a key were left out, and that is stored. */
async function leftOut() {
  const state = new MemoryStateStore();
  const holder = new LeaseHolder(state);
  const stored = new PartitionState(state, 'fraud');
  const partition = new Partition(NUMBER, (await holder.acquire('p'))!, { through: 9, ahead: [] });
  partition.leftOut.set(leftOutAt(LEFT_OUT), writeLeftOut(LEFT_OUT));
  const effects = new OnceEffects(state, holder, 'fraud');
  let through = 9;
  const save = async () => {
    partition.tracker.examined(++through);
    await stored.save([partition], LOG);
    const list = (part: string) => state.read((view) => view.list(`backstory.subscriptions/fraud/${part}`));
    const rows = (await list('left-out')).map(({ value }) => readLeftOut(value));
    return { rows, marks: (await list('once')).map(({ key }) => key) };
  };
  /** An attempt that was given up while its effect was being committed. */
  const late = (replaying?: Replaying) => {
    const lane = Object.assign(partition.lane(KEY), { replaying });
    const place = { lane, handler: 'watch', event: EVENT, nth: 0, signal: AbortSignal.abort() };
    return effects.once(place, async (tx) => {
      await tx.put('effects', 'e', String(Number((await tx.get('effects', 'e')) ?? 0) + 1));
      return 'done';
    });
  };
  const replay = (id: string, again = false) =>
    late({ id, again, leftOut: LEFT_OUT, marks: [], end: () => undefined });
  expect(await save()).toEqual({ rows: [LEFT_OUT], marks: [] });
  return { partition, holder, save, late, replay };
}

it('what was done once after its event had been left out is known as done when its mark goes', async () => {
  const { holder, save, late, replay } = await leftOut();
  expect(await late()).toBe('done');
  expect(await save()).toEqual({ rows: [{ ...LEFT_OUT, done: [AT] }], marks: [] });
  expect(await replay('r1')).toBeUndefined();
  await holder.close();
});

it('so it is where less comes to be left out by somebody who had read that nothing was done', async () => {
  const { partition, holder, save, late } = await leftOut();
  await late();
  await save();
  const rest = { ...LEFT_OUT, from: 4 };
  partition.leftOut.set(leftOutAt(LEFT_OUT), undefined);
  partition.leftOut.set(leftOutAt(rest), writeLeftOut(rest));
  expect(await save()).toEqual({ rows: [{ ...rest, done: [AT] }], marks: [] });
  await holder.close();
});

it.each([false, true])(
  'what a replay has done late the next one knows, stored or not; again: %s',
  async (again) => {
    const { holder, save, replay } = await leftOut();
    expect(await replay('r1', again)).toBe('done');
    expect(await replay('r2')).toBeUndefined();
    await save();
    expect(await replay('r3')).toBeUndefined();
    expect(await replay('r4', true)).toBe('done');
    await holder.close();
  },
);
