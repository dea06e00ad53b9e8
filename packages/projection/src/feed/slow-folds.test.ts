import { memory, type OpenStorage } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { IN_TIME, eventually } from '../../../../test/support/eventually.js';
import { projectionsOn } from '../../../../test/support/projecting.js';
import { projection } from '../definition/functional-projection.js';
import type { Projections } from '../projections.js';
import { outOfTime } from './out-of-time.js';

/** What deciding on the key of an event, and folding it, cost in milliseconds. */
let costs: { key: number; fold: (amount: number) => number };
function work(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}
const slow = projection('slow', {
  ...{ version: 1, initial: { count: 0 }, events: { Deposited } },
  key: () => {
    work(costs.key);
    return 'all';
  },
  fold: {
    Deposited: ({ count }, { amount }) => {
      work(costs.fold(amount));
      return { count: count + 1 };
    },
  },
});

const SLOW_MS = 250;
let opened: OpenStorage;
let projections: Projections;
let told: string[];
const observer: Observer = {
  ...silent,
  lease: (facts) => void told.push(facts().change),
  consumer: (facts) => void told.push(`${facts().change} ${facts().reason ?? ''}`),
};
beforeEach(async () => {
  costs = { key: 0, fold: () => 0 };
  told = [];
  opened = await memory().open();
});
afterEach(async () => {
  await projections.close();
  await opened.close();
});

async function having(events: number, { leaseMs = 1_000 } = {}) {
  const all = Array.from({ length: events }, (_, i) => new Deposited(i + 1));
  await recording(opened.events)('1', ...all);
  projections = projectionsOn(opened, [slow], { observer, leaseMs });
}
const position = async () => (await projections.status('slow')).position;

it.each([
  ['a key', 100, { key: 20, fold: () => 0 }],
  ['a fold', 100, { key: 0, fold: () => 20 }],
  ['a fold that takes long at one event', 16, { key: 0, fold: () => 150 }],
])(
  'where %s costs time the lease is held, and what is folded is kept long before the end',
  async (_, n, given) => {
    costs = given;
    await having(n);
    await projections.start();
    const kept = await eventually(async () => (await position()) || undefined);
    expect(kept).toBeLessThan(n);
    await projections.caughtUp('slow', n, IN_TIME);
    expect(await projections.named('slow').get('all')).toEqual({ count: n });
    expect(told).toEqual(['started ', 'acquired']);
  },
);

it('what is closed meanwhile ends with what is at work, and goes on from there', async () => {
  costs = { key: 0, fold: () => 10 };
  await having(400);
  await projections.start();
  await eventually(async () => (await position()) > 0);
  await projections.close();
  expect(await position()).toBeLessThan(300);
  costs = { key: 0, fold: () => 0 };
  projections = projectionsOn(opened, [slow]);
  await projections.start();
  await projections.caughtUp('slow', 400, IN_TIME);
  expect(await projections.named('slow').get('all')).toEqual({ count: 400 });
});

it('where one event takes longer than the lease, that is said, and it is over once it does not', async () => {
  costs = { key: 0, fold: (amount) => (amount === 3 ? 400 : 0) };
  await having(3, { leaseMs: 100 });
  await projections.start();
  const why =
    /its lease was lost while it folded what comes after position 0: account.deposited of account-1, position 3, kept the process busy for \d+ ms, longer than the 100 ms.*projectionLeaseMs/s;
  await expect(projections.caughtUp('slow', 3, { timeoutMs: 3_000 })).rejects.toThrow(why);
  await expect(projections.caughtUp('slow', 3, { timeoutMs: 500 })).rejects.not.toThrow(/start a process/);
  const status = await projections.status('slow');
  expect(status.reason).toMatch(why);
  expect(told).toContainEqual(expect.stringMatching(/^paused its lease was lost/));
  costs = { key: 0, fold: () => 0 };
  await projections.caughtUp('slow', 3, IN_TIME);
  expect((await projections.status('slow')).reason).toBeUndefined();
  expect(told.at(-1)).toBe('resumed ');
});

it('where one event takes longer than the lease it is tried less and less often, and what it is stands in the status', async () => {
  const folded: number[] = [];
  const fold = (amount: number) => {
    if (amount !== 3) return 0;
    folded.push(performance.now());
    return SLOW_MS;
  };
  costs = { key: 0, fold };
  await having(3, { leaseMs: 100 });
  await projections.start();
  await eventually(() => folded.length === 4);
  const waited = folded.slice(1).map((at, i) => at - folded[i]! - SLOW_MS);
  expect(waited[0]).toBeGreaterThan(99);
  expect(waited[1]).toBeGreaterThan(199);
  expect(waited[2]).toBeGreaterThan(399);
  const { state, reason, generations } = await eventually(async () => {
    const status = await projections.status('slow');
    return status.reason?.includes('4 times') && status;
  });
  // Under the lease, so that no other process is kept busy meanwhile.
  expect([state, typeof generations[0]!.owner]).toEqual(['retrying', 'string']);
  expect(reason).toMatch(/It was tried 4 times, and is again after 0\.8 s/);
  const waits = told.filter((it) => it.startsWith('paused'));
  expect(waits.map((it) => /after (\S+) s/.exec(it)![1])).toEqual(['0.1', '0.2', '0.4', '0.8']);
});

it('the wait between two attempts has an end', () => {
  const stuck = { after: 0, slowest: undefined };
  let last = outOfTime(stuck, 2_500, undefined);
  for (let i = 0; i < 100; i++) last = outOfTime(stuck, 2_500, last);
  expect(last).toMatchObject({ waitMs: 60_000, times: 101 });
});

describe('the rest of the process has its turn', () => {
  /** The longest that it has waited while something was done, in milliseconds. */
  async function longestWait(doing: () => Promise<unknown>): Promise<number> {
    let [longest, last] = [0, performance.now()];
    const look = () => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    };
    const looking = setInterval(look, 1);
    await doing();
    look();
    clearInterval(looking);
    return longest;
  }

  it.each<[string, () => Promise<unknown>]>([
    ['a document is folded as of another time', () => projections.named('slow').asOf(200).get('all')],
    ['what is stored is compared with the log', () => projections.verifyWithLog('slow')],
    [
      'two generations are compared',
      async () => {
        await projections.rebuild('slow', { eventsPerSecond: 1 });
        return projections.verify('slow');
      },
    ],
  ])('while %s', async (_, doing) => {
    await having(200);
    await projections.start();
    await projections.caughtUp('slow', 200, IN_TIME);
    costs = { key: 0, fold: () => 5 };
    expect(await longestWait(doing)).toBeLessThan(500);
  });
});
