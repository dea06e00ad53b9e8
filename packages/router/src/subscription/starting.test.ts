import { Recorder, memory, type OpenStorage } from '@backstory/core';
import { Subscriptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { watching } from '../../../../test/support/subscribing.js';

let storage: OpenStorage;
let subscriptions: Subscriptions;
beforeEach(async () => {
  storage = await memory().open();
  const recorder = new Recorder(storage.events, { source: 'test' });
  subscriptions = new Subscriptions({ ...storage, recorder });
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

it('what is there is handled while it still looks for what is asked of it', async () => {
  // The first are of what is wanted, and of what has come.
  const { reached, letGo } = heldUp('read', 3);
  await recording(storage.events)('1', new Deposited(1));
  const handled: number[] = [];
  const added = subscriptions.add(watching('fraud', ({ amount }) => void handled.push(amount)));
  await reached;
  await eventually(() => handled.length === 1);
  letGo();
  await added;
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
