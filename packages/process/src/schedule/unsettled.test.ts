import { inspect } from 'node:util';
import { defineBackstory, memory, type App } from 'backstory';
import { Command, CommandHandler } from '@backstory/process';

@Command('order.give-up')
class GiveUp {}

const BEGIN = Date.parse('2026-11-20T12:00:00.000Z');
let now: number;
let handled: number;
let fail: () => unknown;
class GivingUp {
  @CommandHandler(GiveUp) giveUp() {
    handled++;
    return fail();
  }
}

let app: App;
beforeEach(async () => {
  now = BEGIN;
  handled = 0;
  fail = () => undefined;
  app = await defineBackstory({
    name: 'shop',
    store: memory(),
    commands: [GivingUp],
    schedules: { clock: () => now, attempts: 2, delayMs: 1_000 },
  }).open();
  await app.schedule(new GiveUp(), { after: 0, id: 'a' });
});
afterEach(() => {
  jest.restoreAllMocks();
  return app.close();
});

const codeless = Object.defineProperty(new Error('x'), 'code', {
  get() {
    throw new Error('no');
  },
});
const refuses = () => {
  throw new Error('no');
};
const unreadable = Object.defineProperties(new Error(), {
  message: { get: refuses },
  [inspect.custom]: { value: refuses },
});

test.each([
  ['has no text at all', Object.create(null), '[Object: null prototype] {}'],
  ['cannot be read', unreadable, 'something that cannot be shown (object)'],
  ['has a code that cannot be read', codeless, 'x'],
  ['is nothing', null, 'null'],
  ['is very long', new Error('x'.repeat(2_000_000)), 'x'.repeat(1_000)],
  ['no store would keep', new Error('a\0b\ud800'), 'ab\ufffd'],
])('what is thrown and %s is a failed attempt like any other', async (_, thrown: unknown, error) => {
  fail = () => {
    throw thrown;
  };
  expect(await app.schedules.fireDue()).toBe(1);
  expect(await app.schedules.find('a')).toMatchObject({
    ...{ state: 'waiting', attempts: 1, error },
    retryAt: new Date(now + 1_000),
  });
  now += 1_000;
  expect(await app.schedules.fireDue()).toBe(1);
  expect(await app.schedules.find('a')).toMatchObject({ state: 'failed', attempts: 2, error });
  expect(handled).toBe(2);
});

test('a schedule of which nothing could be written down rests before it is fired again, and the status says why', async () => {
  let fenced = 0;
  const transaction = app.state.transaction.bind(app.state);
  jest.spyOn(app.state, 'transaction').mockImplementation((fences, work) => {
    // The first takes what is due, the second says what became of it.
    if (fences.length > 0 && ++fenced === 2) return Promise.reject(new Error('disk full'));
    return transaction(fences, work);
  });
  expect(await app.schedules.fireDue()).toBe(1);
  expect(app.schedules.status.reason).toBe('disk full');
  now += 999;
  expect(await app.schedules.fireDue()).toBe(0);
  expect(handled).toBe(1);
  now += 1;
  expect(await app.schedules.fireDue()).toBe(1);
  expect(handled).toBe(2);
  expect(app.schedules.status.reason).toBeUndefined();
  expect(await app.schedules.list()).toEqual([]);
});

test('that this process could not write it down is no failed attempt, however often', async () => {
  let lost = 0;
  const transaction = app.state.transaction.bind(app.state);
  jest.spyOn(app.state, 'transaction').mockImplementation((fences, work) => {
    // The one after it was handled says what became of it.
    if (fences.length === 0 || handled === lost || lost === 3) return transaction(fences, work);
    lost++;
    return Promise.reject(new Error('disk full'));
  });
  for (let i = 0; i < 3; i++) {
    expect(await app.schedules.fireDue()).toBe(1);
    expect(await app.schedules.find('a')).toMatchObject({ state: 'firing', attempts: 0 });
    now += 1_000;
  }
  expect(await app.schedules.fireDue()).toBe(1);
  expect(await app.schedules.list()).toEqual([]);
});
