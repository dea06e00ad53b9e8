import {
  Context,
  Recorder,
  memory,
  readRecorded,
  type OpenStorage,
  type RecordedEvent,
} from '@backstory/core';
import { ActionNotRecorded } from '@backstory/core/administration';
import { FenceLost } from '@backstory/core/state';
import { ScheduleNotFound, ScheduleNotTried, ScheduleUnderWay } from './errors.js';
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

const ofSomebody = { owner: 'somebody', ttlMs: 60_000 };

test('what is under way is left alone', async () => {
  await storage.state.acquire('schedules', ofSomebody);
  await book.enter(stored('a', { state: 'firing', attempts: 1 }), 0);
  await expect(admin.cancel('a')).rejects.toThrow(ScheduleUnderWay);
  await expect(admin.retry('a')).rejects.toThrow(ScheduleUnderWay);
  expect(await book.find('a')).toMatchObject({ state: 'firing', attempts: 1 });
  expect(await told()).toEqual([]);
});

test('what was under way when its process ended can be cancelled and tried again, under the lease', async () => {
  for (const id of ['a', 'b']) await book.enter(stored(id, { state: 'firing' }), 0);
  const old = await storage.state.acquire('schedules', ofSomebody);
  await storage.state.release(old!);
  expect(await admin.retry('b')).toMatchObject({ state: 'waiting', attempts: 0 });
  await admin.cancel('a');
  expect((await admin.list()).map(({ id }) => id)).toEqual(['b']);
  expect(await told()).toEqual([
    ['schedule.retried', 'unknown'],
    ['schedule.cancelled', 'unknown'],
  ]);
  // It was under the lease, and gave it back.
  const next = await storage.state.acquire('schedules', ofSomebody);
  expect(next!.token).toBe(old!.token + 3);
});

test('what another process begins to carry out meanwhile is left alone', async () => {
  await book.enter(stored('a', { state: 'firing' }), 0);
  const { state, events } = storage;
  const overtaken = Object.assign(Object.create(state) as typeof state, {
    acquire: async (...given: Parameters<typeof state.acquire>) => {
      const lease = await state.acquire(...given);
      await state.release(lease!);
      await state.acquire('schedules', ofSomebody);
      return lease;
    },
  });
  const recorder = new Recorder(events, { source: 'bank' });
  await expect(new ScheduleAdmin({ state: overtaken, recorder }).cancel('a')).rejects.toThrow(FenceLost);
  expect(await book.find('a')).toMatchObject({ state: 'firing' });
});

test.each([null, { pre: 'x' }])('%j is no query: nothing is listed', async (query) => {
  await expect(admin.list(query as never)).rejects.toMatchObject({ code: 'BACKSTORY_INVALID_OPTION' });
});

test('what is not there cannot be changed', async () => {
  await expect(admin.cancel('a')).rejects.toThrow(ScheduleNotFound);
  await expect(admin.retry('a')).rejects.toThrow(ScheduleNotFound);
});

test('who asks is the actor at hand, unless another is named', async () => {
  for (const id of ['a', 'b', 'c']) await book.enter(stored(id), 0);
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

test('who has no name changes nothing', async () => {
  const failed = { state: 'failed', attempts: 10 } as const;
  for (const [id, more] of [
    ['a', {}],
    ['b', failed],
  ] as const)
    await book.enter(stored(id, more), 0);
  for (const ask of [admin.cancel('a', { actor: '' }), admin.retry('b', { actor: '' })])
    await expect(ask).rejects.toMatchObject({ code: 'BACKSTORY_INVALID_OPTION', option: 'actor' });
  expect((await admin.list()).map(({ state }) => state)).toEqual(['waiting', 'failed']);
  expect(await told()).toEqual([]);
});

test('what was not tried yet is not tried again, and nothing is recorded', async () => {
  await book.enter(stored('a'), 0);
  await expect(admin.retry('a')).rejects.toThrow(ScheduleNotTried);
  expect(await told()).toEqual([]);
});

test('what met an outage, which is no attempt, is due again', async () => {
  const later = '2026-11-20T13:00:00.000Z';
  await book.enter(stored('a', { error: 'away', tryAt: later }), 0);
  expect((await admin.list())[0]).toMatchObject({ attempts: 0, retryAt: new Date(later) });
  expect(await admin.retry('a')).toMatchObject({ state: 'waiting', retryAt: undefined });
  expect(await book.next()).toBe(Date.parse(DUE));
});

test('what failed is due again, also where it waits for another attempt', async () => {
  const later = '2026-11-20T13:00:00.000Z';
  await book.enter(stored('a', { state: 'failed', attempts: 10, error: 'shut', tryAt: later }), 0);
  await book.enter(stored('b', { attempts: 3, tryAt: later }), 0);
  for (const id of ['a', 'b']) expect(await admin.retry(id)).toMatchObject({ state: 'waiting', attempts: 0 });
  expect(await book.next()).toBe(Date.parse(DUE));
  expect((await admin.list()).map(({ id, retryAt }) => [id, retryAt])).toEqual([
    ['a', undefined],
    ['b', undefined],
  ]);
});

test.each<['cancel' | 'retry', string]>([
  ['cancel', 'schedule.cancelled'],
  ['retry', 'schedule.retried'],
])(
  'who asks for %s while the log is away is told that it is in force and not recorded',
  async (action, type) => {
    await book.enter(stored('a', { state: 'failed', attempts: 3 }), 0);
    const record = jest.spyOn(Recorder.prototype, 'record').mockRejectedValue(new Error('log is away'));
    const error: unknown = await admin[action]('a', { actor: 'ann' }).catch((it: unknown) => it);
    record.mockRestore();
    expect(error).toBeInstanceOf(ActionNotRecorded);
    expect(error).toMatchObject({ actor: 'ann', type, data: { schedule: 'a' } });
    expect((error as Error).message).toContain(`but not recorded on _schedules: ${type}: log is away.`);
    expect((await book.find('a'))?.state).toBe(action === 'cancel' ? undefined : 'waiting');
  },
);
