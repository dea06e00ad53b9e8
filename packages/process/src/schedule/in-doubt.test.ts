import { memory, type OpenStorage } from '@backstory/core';
import { Command, Scheduler, type SchedulerOptions } from '@backstory/process';
import { eventually } from '../../../../test/support/eventually.js';
import { ScheduleBook } from './schedule-book.js';

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

test('what happens again and again is in doubt until a time of it was carried out', async () => {
  const one = scheduler({ attempts: 1 });
  await one.schedule(new GiveUp(), { after: 0, every: 60_000, id: 'a' });
  await one.fireDue();
  expect(await one.find('a')).toMatchObject({ state: 'waiting', attempts: 0, isInDoubt: true });
  fire = async () => {};
  now += 60_000;
  expect(await one.fireDue()).toBe(1);
  expect(await isInDoubt()).toBe(false);
});

test('another of the same id is not what is still at work', async () => {
  const one = scheduler();
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  await one.fireDue();
  await one.schedule(new GiveUp(), { after: 60_000, id: 'a' });
  expect(await isInDoubt()).toBe(false);
  ends[0]!();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await one.cancel('a')).toBe('cancelled');
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
