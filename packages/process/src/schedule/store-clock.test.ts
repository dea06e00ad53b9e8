import { memory, type OpenStorage } from '@backstory/core';
import { Command, Scheduler } from '@backstory/process';

@Command('order.give-up')
class GiveUp {}

const BEGIN = Date.parse('2026-11-20T12:00:00.000Z');
const HOUR = 3_600_000;
/** Of the state store; that of the process is another. */
let clock: number;
let storage: OpenStorage;
let fired: string[];
let fail: () => void;
let scheduler: Scheduler;
beforeEach(async () => {
  clock = BEGIN;
  fired = [];
  fail = () => {};
  storage = await memory().open();
  const state = Object.assign(Object.create(storage.state) as typeof storage.state, {
    now: async () => new Date(clock),
  });
  const fire = async ({ id }: { readonly id: string }) => {
    fired.push(id);
    fail();
  };
  scheduler = new Scheduler({ state, check: () => {}, fire }, { attempts: 2, delayMs: 1_000 });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await scheduler.close();
  await storage.close();
});

test('what is scheduled by a process that never fired anything is due by the clock of the state store', async () => {
  const { due } = await scheduler.schedule(new GiveUp(), { after: 1_000, id: 'a' });
  expect(due).toEqual(new Date(BEGIN + 1_000));
  clock += 999;
  expect(await scheduler.fireDue()).toBe(0);
  clock += 1;
  expect(await scheduler.fireDue()).toBe(1);
});

test.each([-HOUR, HOUR])(
  'a process whose own clock is set by %s ms while nothing is due fires in time',
  async (by) => {
    await scheduler.schedule(new GiveUp(), { after: 0, id: 'a' });
    await scheduler.fireDue();
    await scheduler.schedule(new GiveUp(), { after: 2 * HOUR, id: 'b' });
    expect(await scheduler.fireDue()).toBe(0);
    const real = Date.now;
    jest.spyOn(Date, 'now').mockImplementation(() => real() + by);
    clock += 2 * HOUR - 1;
    expect(await scheduler.fireDue()).toBe(0);
    clock += 1;
    expect(await scheduler.fireDue()).toBe(1);
    expect(fired).toEqual(['a', 'b']);
  },
);

test('what failed, and what comes again, waits by that clock as well', async () => {
  await scheduler.schedule(new GiveUp(), { every: HOUR, id: 'a' });
  clock += HOUR + 5;
  fail = () => {
    throw new Error('no');
  };
  await scheduler.fireDue();
  expect(await scheduler.find('a')).toMatchObject({ retryAt: new Date(clock + 1_000) });
  clock += 1_000;
  fail = () => {};
  await scheduler.fireDue();
  expect(await scheduler.find('a')).toMatchObject({ due: new Date(BEGIN + 2 * HOUR), error: undefined });
});
