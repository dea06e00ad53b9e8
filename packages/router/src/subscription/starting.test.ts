import { StoreUnavailable, memory, type OpenStorage } from '@backstory/core';
import { type Subscriptions, reaction, subscriber } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { watching, subscriptionsOn } from '../../../../test/support/subscribing.js';
import { Parking } from './parking.js';

let storage: OpenStorage;
let subscriptions: Subscriptions;
beforeEach(async () => {
  storage = await memory().open();
  subscriptions = subscriptionsOn(storage);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await subscriptions.close();
});

/** The `nth` call is begun, and goes on when it is let. */
function heldUp(method: 'transaction' | 'leases' | 'read', nth: number) {
  const gate: { open: () => void; reached: () => void } = { open: () => undefined, reached: () => undefined };
  const opened = new Promise<void>((open) => (gate.open = open));
  const reached = new Promise<void>((come) => (gate.reached = come));
  const { state } = storage;
  const real = state[method] as (...given: unknown[]) => Promise<unknown>;
  let calls = 0;
  jest.spyOn(state, method).mockImplementation(async (...given: unknown[]) => {
    if (++calls === nth) {
      gate.reached();
      await opened;
    }
    return real.apply(state, given);
  });
  return { reached, letGo: () => gate.open() };
}

it.each([
  ['is made known', 'transaction'],
  ['asks who else is there', 'leases'],
] as const)('removed while it %s, it begins nothing, and keeps nothing from others', async (_, method) => {
  const { reached, letGo } = heldUp(method, 1);
  await recording(storage.events)('1', new Deposited(1));
  const added = subscriptions.add(watching('fraud', () => undefined));
  await reached;
  const removed = subscriptions.remove('fraud');
  letGo();
  await Promise.all([added, removed]);
  expect(await storage.state.leases('subscription/fraud/')).toEqual([]);
});

it('where it cannot be made known it keeps nothing from others', async () => {
  const away = new StoreUnavailable('The state store', 'it is away');
  jest.spyOn(storage.state, 'transaction').mockRejectedValueOnce(away);
  await expect(subscriptions.add(watching('fraud', () => undefined))).rejects.toBe(away);
  expect(await storage.state.leases('subscription/fraud/')).toEqual([]);
});

it('a first position beyond the head of the log is refused, and begins nothing; what has begun goes on', async () => {
  await recording(storage.events)('1', new Deposited(1));
  const fraud = (from: number) => watching('fraud', () => undefined, { from });
  await expect(subscriptions.add(fraud(2))).rejects.toThrow(
    'from: must be a position from 0 to 1, the head of the log, not 2.',
  );
  expect(await subscriptions.list()).toEqual([]);
  await subscriptions.add(fraud(1));
  await subscriptions.remove('fraud');
  await subscriptions.add(fraud(1_000));
  await eventually(async () => (await subscriptions.status('fraud')).state === 'live');
});

it('a priority that is none is refused before anything begins', async () => {
  const priority = 'urgent' as 'high';
  const adding = (options: object) => subscriptions.add(watching('fraud', () => undefined, options));
  await expect(adding({ priority })).rejects.toThrow(
    'priority: must be one of low, normal, high, critical, not "urgent".',
  );
  const on = [reaction(Deposited, () => undefined, { name: 'watch', priority })];
  await expect(subscriptions.add(subscriber({ name: 'fraud', on }))).rejects.toThrow(
    'priority: must be one of',
  );
});

it('what is there is handled while it still looks for what is asked of it', async () => {
  // The first are of what is wanted, and of what has come, which is two.
  const { reached, letGo } = heldUp('read', 4);
  await recording(storage.events)('1', new Deposited(1));
  const handled: number[] = [];
  const added = subscriptions.add(watching('fraud', ({ amount }) => void handled.push(amount)));
  await reached;
  await eventually(() => handled.length === 1);
  letGo();
  await added;
});

it('what waits for its next attempt is tried once what is asked of it is known: whoever was asked before may have gone on', async () => {
  const record = recording(storage.events);
  await record('1', new Deposited(1), new Deposited(2));
  await record('2', new Deposited(3));
  const failing = () => Promise.reject(new Error('not yet'));
  await subscriptions.add(watching('fraud', failing, { retry: { delayMs: 60_000, maxDelayMs: 60_000 } }));
  await eventually(async () => (await subscriptions.parked('fraud')).length === 2);
  await subscriptions.remove('fraud');
  await subscriptions.skip('fraud', { key: 'account-1' }, { actor: 'ann' });
  const handled: number[] = [];
  const { reached, letGo } = heldUp('read', 3);
  const waiting = jest.spyOn(Parking.prototype, 'wait');
  const retry = { delayMs: 1, maxDelayMs: 1 };
  const added = subscriptions.add(watching('fraud', ({ amount }) => void handled.push(amount), { retry }));
  await reached;
  await record('3', new Deposited(4));

  await eventually(() => handled.includes(4));
  expect(waiting).not.toHaveBeenCalled();
  letGo();
  await added;

  await eventually(() => handled.length === 3);
  expect(handled).toEqual(expect.arrayContaining([2, 3, 4]));
});

it('an attempt that is due by a clock that was ahead is made when it would have been due at the latest', async () => {
  const { events, state } = storage;
  await recording(events)('1', new Deposited(1));
  const failing = watching('fraud', () => Promise.reject(new Error('not yet')), {
    retry: { attempts: 9, delayMs: 20, maxDelayMs: 20 },
  });
  await subscriptions.add(failing);
  const parked = () => state.read((view) => view.list('backstory.subscriptions/fraud/parked'));
  await eventually(async () => (await parked()).length === 1);
  await subscriptions.remove('fraud');
  await state.transaction([], async (tx) => {
    for (const { key, value } of await parked()) {
      const record = {
        ...(JSON.parse(value) as object),
        dueAt: new Date(Date.now() + 3_600_000).toISOString(),
      };
      await tx.put('backstory.subscriptions/fraud/parked', key, JSON.stringify(record));
    }
  });
  await subscriptions.add(watching('fraud', () => undefined, { retry: { delayMs: 20, maxDelayMs: 20 } }));
  await eventually(async () => (await parked()).length === 0);
});
