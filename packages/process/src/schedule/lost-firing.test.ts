import { AppendOutcomeUnknown, StoreUnavailable, memory, type OpenStorage } from '@backstory/core';
import { FenceLost } from '@backstory/core/state';
import { silent, type Observer } from '@backstory/core/observe';
import { Command, CommandsClosed, Scheduler } from '@backstory/process';

@Command('order.give-up')
class GiveUp {}

let now: number;
let storage: OpenStorage;
let fired: number;
let fire: () => Promise<void>;
let parked: unknown[];
let open: Scheduler[];
let runs: Promise<unknown>[];
let letGo: () => void;
let letGone: Promise<void>;
/** One process. */
const scheduler = () => {
  const observer: Observer = { ...silent, park: (facts) => void parked.push(facts()) };
  const begin = () => {
    fired++;
    return fire();
  };
  const options = { clock: () => now, attempts: 2, delayMs: 1_000 };
  const made = new Scheduler({ state: storage.state, check: () => {}, fire: begin, observer }, options);
  open.push(made);
  return made;
};
/** It begins what is due, and ends before it can say how that went. */
const killed = async () => {
  let ended = () => {};
  const end = new Promise<void>((resolve) => (ended = resolve));
  fire = async () => {
    const [lease] = await storage.state.leases('schedules');
    await storage.state.release(lease!);
    ended();
    await letGone;
  };
  runs.push(scheduler().fireDue().catch(String));
  await end;
};
beforeEach(async () => {
  now = Date.parse('2026-11-20T12:00:00.000Z');
  fired = 0;
  parked = [];
  open = [];
  runs = [];
  letGone = new Promise((resolve) => (letGo = resolve));
  storage = await memory().open();
});
afterEach(async () => {
  letGo();
  await Promise.all(runs);
  for (const each of open) await each.close();
  await storage.close();
});

test('what ends every process that carries it out does so as often as it may be tried, then it has failed', async () => {
  await scheduler().schedule(new GiveUp(), { after: 0, id: 'a' });
  await killed();
  await killed();
  expect(fired).toBe(2);
  const next = scheduler();
  await next.fireDue();
  expect(fired).toBe(2);
  expect(await next.find('a')).toMatchObject({
    ...{ state: 'failed', attempts: 2 },
    error: expect.stringContaining('its process ended meanwhile') as string,
  });
  expect(parked).toMatchObject([{ key: 'a', errorType: 'BACKSTORY_FIRING_LOST' }]);
  fire = async () => {};
  await next.retry('a');
  expect(await next.fireDue()).toBe(1);
  expect([fired, await next.list()]).toEqual([3, []]);
});

test('what was under way when its process ended can be cancelled, and does not come again', async () => {
  const other = scheduler();
  await other.schedule(new GiveUp(), { after: 0, id: 'a' });
  await killed();
  expect(await other.cancel('a')).toBe('in-doubt');
  expect(await other.fireDue()).toBe(0);
});

test.each<[string, Error]>([
  ['the store is away', new StoreUnavailable('shop', 'away')],
  ['nobody knows whether it was recorded', new AppendOutcomeUnknown('a-1', 1)],
  ['the process is closing', new CommandsClosed()],
  [
    'a cause of it is that the store is away',
    new Error('no', { cause: new StoreUnavailable('shop', 'away') }),
  ],
])('that %s is no failed attempt', async (_, error) => {
  const one = scheduler();
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  fire = () => Promise.reject(error);
  for (let i = 0; i < 3; i++) {
    expect(await one.fireDue()).toBe(1);
    expect(await one.find('a')).toMatchObject({ state: 'waiting', attempts: 0, error: error.message });
    now += 1_000;
  }
});

test('a lease that a handler lost is its own: a failed attempt like any other', async () => {
  const one = scheduler();
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  fire = () => Promise.reject(new FenceLost('mine', 1));
  await one.fireDue();
  expect(await one.find('a')).toMatchObject({ state: 'waiting', attempts: 1 });
});

test('who lost the lease stands by, and leaves it to the one who has it', async () => {
  const one = scheduler();
  fire = async () => {};
  await one.schedule(new GiveUp(), { after: 0, id: 'a' });
  await one.schedule(new GiveUp(), { after: 30_000, id: 'b' });
  expect(await one.fireDue()).toBe(1);
  now += 30_000;
  const [lease] = await storage.state.leases('schedules');
  await storage.state.release(lease!);
  await storage.state.acquire('schedules', { owner: 'other', ttlMs: 60_000 });
  expect(await one.fireDue()).toBe(0);
  expect(await one.find('b')).toMatchObject({ state: 'waiting' });
});
