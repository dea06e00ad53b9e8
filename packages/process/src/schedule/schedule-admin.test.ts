import {
  Context,
  Recorder,
  memory,
  readRecorded,
  type OpenStorage,
  type RecordedEvent,
} from '@backstory/core';
import { ScheduleNotFound, ScheduleUnderWay } from './errors.js';
import { SCHEDULES_STREAM, ScheduleAdmin } from './schedule-admin.js';
import { ScheduleBook } from './schedule-book.js';
import type { StoredSchedule } from './schedule.js';

const DUE = '2026-11-20T12:00:00.000Z';
const stored = (id: string, more: Partial<StoredSchedule> = {}): StoredSchedule => ({
  id,
  token: `token of ${id}`,
  kind: 'command',
  type: 'bonus.give',
  schemaVersion: 1,
  data: '{}',
  context: {},
  due: DUE,
  tryAt: DUE,
  state: 'waiting',
  attempts: 0,
  ...more,
});

let storage: OpenStorage;
let book: ScheduleBook;
let admin: ScheduleAdmin;
beforeEach(async () => {
  storage = await memory().open();
  const { events, state } = storage;
  book = new ScheduleBook(state);
  admin = new ScheduleAdmin({ state, recorder: new Recorder(events, { source: 'bank' }) });
});
afterEach(() => storage.close());

const told = async () => {
  const found: RecordedEvent[] = [];
  for await (const { events } of storage.events.readStream(SCHEDULES_STREAM))
    found.push(...events.map(readRecorded));
  return found.map(({ type, metadata }) => [type, metadata.actor]);
};

test('what is under way is left alone', async () => {
  await book.enter(stored('a', { state: 'firing', attempts: 1 }));
  await expect(admin.cancel('a')).rejects.toThrow(ScheduleUnderWay);
  await expect(admin.retry('a')).rejects.toThrow(ScheduleUnderWay);
  expect(await book.find('a')).toMatchObject({ state: 'firing', attempts: 1 });
  expect(await told()).toEqual([]);
});

test('what is not there cannot be changed', async () => {
  await expect(admin.cancel('a')).rejects.toThrow(ScheduleNotFound);
  await expect(admin.retry('a')).rejects.toThrow(ScheduleNotFound);
});

test('who asks is the actor at hand, unless another is named', async () => {
  for (const id of ['a', 'b', 'c']) await book.enter(stored(id));
  await admin.cancel('a', { actor: 'ann' });
  await Context.none.with({ actor: 'bob' }).run(() => admin.cancel('b'));
  await admin.cancel('c');
  expect(await admin.list()).toEqual([]);
  expect(await told()).toEqual([
    ['schedule.cancelled', 'ann'],
    ['schedule.cancelled', 'bob'],
    ['schedule.cancelled', 'unknown'],
  ]);
});

test('what failed is due again, also where it waits for another attempt', async () => {
  const later = '2026-11-20T13:00:00.000Z';
  await book.enter(stored('a', { state: 'failed', attempts: 10, error: 'shut', tryAt: later }));
  await book.enter(stored('b', { attempts: 3, tryAt: later }));
  for (const id of ['a', 'b']) expect(await admin.retry(id)).toMatchObject({ state: 'waiting', attempts: 0 });
  expect(await book.next()).toBe(Date.parse(DUE));
  expect((await admin.list()).map(({ id, retryAt }) => [id, retryAt])).toEqual([
    ['a', undefined],
    ['b', undefined],
  ]);
});
