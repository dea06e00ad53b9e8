import { AppendOutcomeUnknown, memory, type OpenStorage } from '@backstory/core';
import { Command, Scheduler, type SchedulerOptions } from '@backstory/process';
import { eventually } from '../../../../test/support/eventually.js';
import { ScheduleBook } from './schedule-book.js';
import { LOST, readSchedule, writeSchedule } from './schedule.js';

@Command('order.give-up')
class GiveUp {}

let now: number;
let storage: OpenStorage;
let open: Scheduler[];
/** Ends each attempt that was begun. */
let ends: (() => void)[];
let fire: () => Promise<void>;
/** One process. */
const scheduler = (more: SchedulerOptions = {}) => {
  const options = { clock: () => now, attempts: 3, delayMs: 1_000, timeoutMs: 20, ...more };
  const made = new Scheduler({ state: storage.state, check: () => {}, fire: () => fire() }, options);
  open.push(made);
  return made;
};
const hangs = () => new Promise<void>((resolve) => ends.push(resolve));
const isInDoubt = async (id = 'a') => (await open[0]!.find(id))?.isInDoubt;

beforeEach(async () => {
  now = Date.parse('2026-11-20T12:00:00.000Z');
  open = [];
  ends = [];
  fire = hangs;
  storage = await memory().open();
});
afterEach(async () => {
  jest.restoreAllMocks();
  for (const end of ends) end();
  for (const each of open) await each.close();
  await storage.close();
});

test('who cancels what ran out of time and is still at work is told that it is in doubt', async () => {
  const one = scheduler();
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  expect(await isInDoubt()).toBe(false);
  await one.fireDue();
  expect(await one.find('a')).toMatchObject({ state: 'waiting', attempts: 1, isInDoubt: true });
  expect(await one.cancel('a')).toBe('in-doubt');
  now += 3_600_000;
  expect(await one.fireDue()).toBe(0);
  expect(await one.cancel('a')).toBe('unknown');
});

test('once it has ended there is no doubt any more, also where several attempts had run out of time', async () => {
  const one = scheduler();
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  await one.fireDue();
  now += 1_000;
  await one.fireDue();
  ends[1]!();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await isInDoubt()).toBe(true);
  ends[0]!();
  await eventually(async () => (await isInDoubt()) === false);
  expect(await one.find('a')).toMatchObject({ state: 'waiting', attempts: 2 });
  expect(await one.cancel('a')).toBe('cancelled');
});

test('what ends as soon as its signal aborts leaves no doubt', async () => {
  const one = scheduler();
  const { state } = storage;
  const fails = new Scheduler(
    {
      state,
      check: () => {},
      fire: (_schedule, _id, signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    },
    { clock: () => now, timeoutMs: 20 },
  );
  open.push(fails);
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  await fails.fireDue();
  expect(await fails.find('a')).toMatchObject({ state: 'waiting', attempts: 1, isInDoubt: false });
});

test('what failed for good is in doubt as long as one of its attempts is at work', async () => {
  const one = scheduler({ attempts: 1 });
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  await one.fireDue();
  expect(await one.find('a')).toMatchObject({ state: 'failed', isInDoubt: true });
  ends[0]!();
  await eventually(async () => (await isInDoubt()) === false);
  expect(await one.find('a')).toMatchObject({ state: 'failed' });
});

describe('a time of what happens again and again', () => {
  /** Its first time is given up, another one is carried out. */
  const goesOn = async (first: () => Promise<void>) => {
    const one = scheduler({ attempts: 1 });
    await one.schedule(new GiveUp(), { after: 0, every: 60_000, id: 'a' });
    fire = first;
    await one.fireDue();
    expect(await one.find('a')).toMatchObject({ state: 'waiting', attempts: 0, isInDoubt: true });
    fire = async () => {};
    now += 60_000;
    expect(await one.fireDue()).toBe(1);
    return one;
  };

  test('that is given up is in doubt until it ends, also where a later one was carried out', async () => {
    const one = await goesOn(hangs);
    expect(await isInDoubt()).toBe(true);
    ends[0]!();
    await eventually(async () => (await isInDoubt()) === false);
    expect(await one.cancel('a')).toBe('cancelled');
  });

  test('that ends late and does not know whether it was recorded stays in doubt, though a later one is carried out', async () => {
    let fail = (_: Error): void => {};
    const one = await goesOn(() => new Promise((_, reject) => (fail = reject)));
    fire = hangs;
    now += 60_000;
    const firing = one.fireDue();
    await eventually(() => ends.length === 1);
    fail(new AppendOutcomeUnknown('a-1', 1));
    await new Promise(setImmediate);
    ends[0]!();
    await firing;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await one.cancel('a')).toBe('in-doubt');
  });

  test('that a process left behind is in doubt until the schedule is cancelled', async () => {
    const one = scheduler({ attempts: 1 });
    await one.schedule(new GiveUp(), { after: 0, every: 60_000, id: 'a' });
    const lease = await storage.state.acquire('schedules', { owner: 'other', ttlMs: 60_000 });
    const none = { limit: 9, underWay: new Set<string>(), isOwn: () => false };
    await new ScheduleBook(storage.state).claim(lease!, { now, ...none });
    await storage.state.release(lease!);
    fire = async () => {};
    for (let i = 0; i < 3; i++) {
      await one.fireDue();
      now += 60_000;
    }
    expect(await one.cancel('a')).toBe('in-doubt');
    await one.schedule(new GiveUp(), { after: 0, every: 60_000, id: 'a' });
    expect(await isInDoubt()).toBe(false);
  });

  test('is in no doubt any more when another attempt has carried it out', async () => {
    const one = scheduler({ attempts: 2 });
    await one.schedule(new GiveUp(), { after: 0, every: 60_000, id: 'a' });
    await one.fireDue();
    fire = async () => {};
    now += 1_000;
    expect(await one.fireDue()).toBe(1);
    expect(await one.cancel('a')).toBe('cancelled');
  });

  test('takes over the doubt of the one whose place it takes, also when it was carried out', async () => {
    const one = scheduler();
    await one.schedule(new GiveUp(), { after: 0, id: 'a' });
    await one.fireDue();
    await one.schedule(new GiveUp(), { after: 0, every: 60_000, id: 'a' });
    fire = async () => {};
    expect(await one.fireDue()).toBe(1);
    expect(await isInDoubt()).toBe(true);
    ends[0]!();
    await eventually(async () => (await isInDoubt()) === false);
  });
});

test('what takes the place of one that is still at work is in doubt as long as that is', async () => {
  const one = scheduler();
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  await one.fireDue();
  for (let i = 0; i < 2; i++)
    expect(await one.schedule(new GiveUp(), { after: 60_000, id: 'a' })).toMatchObject({ isInDoubt: true });
  expect(await isInDoubt()).toBe(true);
  now += 60_000;
  await one.fireDue();
  ends[1]!();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await isInDoubt()).toBe(true);
  ends[0]!();
  await eventually(async () => (await isInDoubt()) === false);
  expect(await one.cancel('a')).toBe('cancelled');
});

test('who cancels what has taken the place of one that is still at work is told so', async () => {
  const one = scheduler();
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  await one.fireDue();
  await one.schedule(new GiveUp(), { after: 60_000, id: 'a' });
  expect(await one.cancel('a')).toBe('in-doubt');
});

test('what takes the place of one that is under way is in doubt until that has ended', async () => {
  const one = scheduler({ timeoutMs: 60_000 });
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  const firing = one.fireDue();
  await eventually(() => ends.length === 1);
  expect(await one.schedule(new GiveUp(), { after: 60_000, id: 'a' })).toMatchObject({ isInDoubt: true });
  ends[0]!();
  await firing;
  expect(await one.find('a')).toMatchObject({ state: 'waiting', isInDoubt: false });
});

test('what takes the place of one that is under way and runs out of time is in doubt until that ends', async () => {
  const one = scheduler({ timeoutMs: 200 });
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  const firing = one.fireDue();
  await eventually(() => ends.length === 1);
  await one.schedule(new GiveUp(), { after: 60_000, id: 'a' });
  await firing;
  expect(await isInDoubt()).toBe(true);
  ends[0]!();
  await eventually(async () => (await isInDoubt()) === false);
});

test('whoever was told of the doubt when cancelling begins anew under the same id without it', async () => {
  const one = scheduler({ timeoutMs: 200 });
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  const firing = one.fireDue();
  await eventually(() => ends.length === 1);
  await one.schedule(new GiveUp(), { after: 60_000, id: 'a' });
  expect(await one.cancel('a')).toBe('in-doubt');
  await one.schedule(new GiveUp(), { after: 60_000, id: 'a' });
  await firing;
  expect(await isInDoubt()).toBe(false);
});

test('what takes the place of one in doubt, while another attempt of that carries it out, is in no doubt any more', async () => {
  const one = scheduler({ timeoutMs: 60_000 });
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  fire = () => Promise.reject(new AppendOutcomeUnknown('a-1', 1));
  await one.fireDue();
  now += 1_000;
  fire = hangs;
  const firing = one.fireDue();
  await eventually(() => ends.length === 1);
  await one.schedule(new GiveUp(), { after: 60_000, id: 'a' });
  expect(await isInDoubt()).toBe(true);
  ends[0]!();
  await firing;
  expect(await isInDoubt()).toBe(false);
});

test('an attempt is in doubt of which nobody knows whether it was recorded, until another one has carried it out', async () => {
  const one = scheduler();
  await one.schedule(new GiveUp(), { after: 0, every: 60_000, id: 'a' });
  await one.schedule(new GiveUp(), { after: 0, id: 'b' });
  fire = () => Promise.reject(new AppendOutcomeUnknown('a-1', 1));
  expect(await one.fireDue()).toBe(2);
  expect(await one.find('a')).toMatchObject({ state: 'waiting', attempts: 0, isInDoubt: true });
  expect(await one.cancel('b')).toBe('in-doubt');
  now += 1_000;
  fire = () => Promise.reject(new Error('no'));
  await one.fireDue();
  expect(await one.find('a')).toMatchObject({ attempts: 1, isInDoubt: true });
  now += 1_000;
  fire = async () => {};
  await one.fireDue();
  expect(await one.find('a')).toMatchObject({ attempts: 0, isInDoubt: false });
});

test('so it is where a handler has wrapped that in errors of its own', async () => {
  const one = scheduler();
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  const wrapped = new Error('no', { cause: new AppendOutcomeUnknown('a-1', 1) });
  fire = () => Promise.reject(new AggregateError([new Error('other'), new Error('no', { cause: wrapped })]));
  await one.fireDue();
  expect(await one.find('a')).toMatchObject({ state: 'waiting', attempts: 0, isInDoubt: true });
  expect(await one.cancel('a')).toBe('in-doubt');
});

test('an attempt that ends late and does not know whether it was recorded stays in doubt', async () => {
  const one = scheduler();
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  let fail = (_: Error): void => {};
  fire = () => new Promise((_, reject) => (fail = reject));
  await one.fireDue();
  fail(new AppendOutcomeUnknown('a-1', 1));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await one.cancel('a')).toBe('in-doubt');
});

test('that an attempt of this process has ended says nothing of one that another process left', async () => {
  const one = scheduler();
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  await one.fireDue();
  const book = new ScheduleBook(storage.state);
  await storage.state.transaction([], async (tx) => {
    const stored = readSchedule((await tx.get('schedules', 'a'))!);
    await tx.put('schedules', 'a', writeSchedule({ ...stored, inDoubt: LOST }));
  });
  const ending = jest.spyOn(ScheduleBook.prototype, 'ended');
  ends[0]!();
  await eventually(() => ending.mock.results.length === 1);
  await ending.mock.results[0]!.value;
  expect(await book.find('a')).toMatchObject({ inDoubt: LOST });
  expect(await one.cancel('a')).toBe('in-doubt');
});

test('nobody knows how it went in a process that ended meanwhile: also after it was tried again', async () => {
  const one = scheduler();
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  await one.schedule(new GiveUp(), { after: 0, id: 'b' });
  const lease = await storage.state.acquire('schedules', { owner: 'other', ttlMs: 60_000 });
  const none = { limit: 9, underWay: new Set<string>(), isOwn: () => false };
  await new ScheduleBook(storage.state).claim(lease!, { now, ...none });
  await storage.state.release(lease!);
  expect(await one.find('a')).toMatchObject({ state: 'firing', isInDoubt: true });
  expect(await one.cancel('a')).toBe('in-doubt');
  expect(await one.retry('b')).toMatchObject({ state: 'waiting', isInDoubt: true });
  fire = () => Promise.reject(new Error('shut'));
  await one.fireDue();
  expect(await one.find('b')).toMatchObject({ state: 'waiting', attempts: 1, isInDoubt: true });
  expect(await one.cancel('b')).toBe('in-doubt');
});
