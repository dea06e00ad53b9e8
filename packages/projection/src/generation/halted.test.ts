import { setTimeout as wait } from 'node:timers/promises';
import { memory, type OpenStorage } from '@backstory/core';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { projectionsOn } from '../../../../test/support/projecting.js';
import { projection } from '../definition/functional-projection.js';
import type { Projections } from '../projections.js';

let unlucky: number | undefined;
const sums = (version: number) =>
  projection('sums', {
    version,
    initial: { sum: 0 },
    events: { Deposited },
    fold: {
      Deposited: ({ sum }, { amount }) => {
        if (amount === unlucky) throw new Error('unlucky');
        return { sum: sum + amount };
      },
    },
  });

let opened: OpenStorage;
const running: Projections[] = [];
const processWith = (version: number) => {
  const it = projectionsOn(opened, [sums(version)], { leaseMs: 200 });
  running.push(it);
  return it;
};
const record = (...amounts: number[]) =>
  recording(opened.events)('1', ...amounts.map((amount) => new Deposited(amount)));
const stateOf = async (it: Projections, generation: number) =>
  (await it.status('sums')).generations.find((own) => own.generation === generation)?.state;

let first: Projections;
beforeEach(async () => {
  unlucky = undefined;
  opened = await memory().open();
  await record(5);
  first = processWith(1);
  await first.start();
  await first.caughtUp('sums', 1);
});
afterEach(async () => {
  for (const it of running.splice(0)) await it.close();
  await opened.close();
});

it('while it is paused, whoever waits for it is told to resume it', async () => {
  await first.pause('sums', { actor: 'ann', reason: 'audit' });
  const second = processWith(2);
  await second.start();
  await record(6);
  const { head } = await opened.events.identity();
  for (const ask of [
    () => first.caughtUp('sums', head, { timeoutMs: 600_000 }),
    () => second.filled('sums', 2),
    () => second.swap('sums'),
  ])
    await expect(ask()).rejects.toThrow(
      /paused(:|,) by ann: audit.*: (read what there is, or )?run `backstory projections resume sums`\.$/,
    );
});

it('while it is paused no rebuild is begun, which nobody would fill, and one that was begun before is found', async () => {
  await first.pause('sums', { actor: 'ann', reason: 'audit' });
  for (const ask of [() => first.rebuild('sums'), () => processWith(2).fill('sums')])
    await expect(ask()).rejects.toThrow(
      'Projection sums: it is paused, by ann: audit, and a rebuild would not be filled: ' +
        'run `backstory projections resume sums` first. No generation was begun.',
    );
  expect((await first.status('sums')).generations).toHaveLength(1);
  await first.resume('sums');
  expect(await first.rebuild('sums')).toBe(2);
  await first.pause('sums');
  expect(await first.rebuild('sums', { eventsPerSecond: 5 })).toBe(2);
});

it('once what is read is faulted, whoever waits for it is told why, and to resume it when that is put right', async () => {
  unlucky = 6;
  await record(6);
  await eventually(async () => (await stateOf(first, 1)) === 'faulted');
  const waiting = first.caughtUp('sums', 2, { timeoutMs: 600_000 });
  await expect(waiting).rejects.toThrow(/\(faulted: .*unlucky/);
  await expect(waiting).rejects.toThrow(/put that right, and run `backstory projections resume sums`/);
});

it('resumed twice in one millisecond, what was faulted between goes on', async () => {
  const at = jest.spyOn(Date.prototype, 'toISOString').mockReturnValue('2026-11-30T12:00:00.000Z');
  try {
    await first.resume('sums');
    await wait(300); // it has looked by then
    unlucky = 6;
    await record(6);
    const { head } = await opened.events.identity();
    await eventually(async () => (await stateOf(first, 1)) === 'faulted');
    unlucky = undefined;
    await first.resume('sums');
    await first.caughtUp('sums', head, { timeoutMs: 10_000 });
  } finally {
    at.mockRestore();
  }
});

it('a generation that is faulted does not take the place of another, and says why', async () => {
  await record(6);
  await first.caughtUp('sums', 2);
  unlucky = 6;
  const second = processWith(2);
  await second.start();
  await eventually(async () => (await stateOf(second, 2)) === 'faulted');
  for (const ask of [() => second.swap('sums'), () => second.filled('sums', 2)])
    await expect(ask()).rejects.toThrow(
      /it is faulted: .*unlucky.* put that right, and run `backstory projections resume sums`\.$/,
    );
});

it.each([1, 2])(
  'where no process feeds it, whoever waits with code of version %d is told to start one',
  async (code) => {
    await first.close();
    await record(6);
    const waiting = processWith(code).caughtUp('sums', 2, { timeoutMs: 0 });
    await expect(waiting).rejects.toThrow(/start a process whose code has version 1 of it/);
  },
);

it('how long it will take is told of what is fed alone', async () => {
  // How fast it is, is not known of a first batch, which whoever takes over makes too.
  await eventually(async () => {
    await record(...new Array<number>(200).fill(1));
    await first.caughtUp('sums', (await opened.events.identity()).head);
    return (await first.status('sums')).generations[0]!.rate > 0;
  });
  await first.close();
  await record(6);
  const [live] = (await processWith(1).status('sums')).generations;
  expect(live).toMatchObject({ state: 'stopped', lag: { events: 1 }, rate: expect.any(Number) });
  expect(live!.rate).toBeGreaterThan(0);
  expect(live!.remaining).toBeUndefined();
});

it.each<[string, (it: Projections) => Promise<unknown>, RegExp]>([
  [
    'drop',
    (it) => it.drop('sums', { generation: 99 }),
    /99: there is none: besides the one that is read there are 2\.$/,
  ],
  ['drop', (it) => it.drop('sums', { generation: 1 }), /1: it is read, and cannot be dropped/],
  [
    'swap',
    (it) => it.swap('sums', { generation: 99 }),
    /99: there is none: there are 1, 2\. Say which by its `generation` \(--generation/,
  ],
  ['swap', (it) => it.swap('sums', { generation: 1 }), /1: it is read already\.$/],
  [
    'rollback',
    (it) => it.rollback('sums', { generation: 99 }),
    /99: there is none: there are 1, 2\. Say which by its `generation` \(--generation/,
  ],
  [
    'rollback',
    (it) => it.rollback('sums', { generation: 2 }),
    /2: it was never read, so that .*: swap it in/,
  ],
  ['rollback', (it) => it.rollback('sums', { generation: 1 }), /1: it is read already\.$/],
  ['rollback', (it) => it.rollback('sums'), /none that was read before is kept\.$/],
  [
    'verify',
    (it) => it.verify('sums', { generation: 99 }),
    /99: there is none: there are 1, 2\. Say which by its `generation` \(--generation/,
  ],
])('%s of what cannot be meant says why', async (_what, ask, why) => {
  await first.rebuild('sums');
  await expect(ask(first)).rejects.toThrow(why);
});

it('drop says what there is where nothing, or more than one, could be meant', async () => {
  await expect(first.drop('sums')).rejects.toThrow(/: there is none besides the one that is read\.$/);
  await expect(first.drop('sums', { generation: 99 })).rejects.toThrow(/none besides the one that is read/);
  await first.rebuild('sums');
  await processWith(2).start();
  await expect(first.drop('sums')).rejects.toThrow(
    /: say which, by its `generation` \(--generation on the command line\): there are 2, 3\.$/,
  );
});

it('code of another form under the version of a generation does not fold on what that has made', async () => {
  await first.close();
  await record(6);
  const second = processWith(2);
  await second.fill('sums');
  const other = projection('sums', {
    version: 1,
    initial: { sum: 0 },
    events: { Withdrawn },
    fold: { Withdrawn: ({ sum }, { amount }) => ({ sum: sum - amount }) },
  });
  const strange = projectionsOn(opened, [other]);
  running.push(strange);
  await expect(strange.verify('sums')).rejects.toThrow(
    /are at different positions, and the code here.*made neither/,
  );
  await expect(strange.verifyWithLog('sums')).rejects.toThrow(
    /code of another form made it under its version: it folds account.withdrawn, and then it folded account.deposited/,
  );
});
