import { memory, type OpenStorage } from '@backstory/core';
import type { Subscriptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { watching, subscriptionsOn } from '../../../../test/support/subscribing.js';
import { SUBSCRIPTIONS } from './collections.js';
import { PartitionState } from './partition-state.js';

let storage: OpenStorage;
let subscriptions: Subscriptions;
let handled: number;
beforeEach(async () => {
  handled = 0;
  storage = await memory().open();
  subscriptions = subscriptionsOn(storage, { leaseMs: 400 });
  await subscriptions.add(watching('fraud', () => void handled++));
});
afterEach(async () => {
  jest.restoreAllMocks();
  await subscriptions.close();
});

const stateHere = async () => (await subscriptions.status('fraud')).members[0]?.state;
const here = (state: string) => eventually(async () => (await stateHere()) === state, 10_000);
const goesOn = async () => {
  const before = handled;
  await recording(storage.events)('1', new Deposited(1));
  await eventually(() => handled > before, 10_000);
};
const stopClock = () => {
  const at = new Date().toISOString();
  jest.spyOn(Date.prototype, 'toISOString').mockReturnValue(at);
};

it('two resumes in one millisecond are two: what was paused between them goes on', async () => {
  stopClock();
  for (let i = 0; i < 2; i++) {
    await subscriptions.pause('fraud');
    await here('paused');
    await subscriptions.resume('fraud');
    await here('running');
  }
  await goesOn();
  expect(await stateHere()).toBe('running');
  expect(handled).toBe(1);
});

it('two resumes in one millisecond are two: what had faulted between them goes on', async () => {
  stopClock();
  await subscriptions.pause('fraud');
  await subscriptions.resume('fraud');
  await here('running');
  const saves = jest.spyOn(PartitionState.prototype, 'save').mockRejectedValue(new Error('damaged'));
  await recording(storage.events)('1', new Deposited(1));
  await here('faulted');
  saves.mockRestore();
  await subscriptions.resume('fraud');
  await here('running');
  await goesOn();
  expect(await stateHere()).toBe('running');
});

it('a resume of an older release, which has its time alone, is one', async () => {
  await subscriptions.pause('fraud');
  await here('paused');
  for (const at of ['2026-11-20T12:00:00.000Z', '2026-11-20T12:00:00.001Z']) {
    await storage.state.transaction([], async (tx) => {
      const { paused: _, ...control } = JSON.parse((await tx.get(SUBSCRIPTIONS, 'fraud'))!) as {
        readonly paused?: unknown;
      };
      const resumed = { actor: 'ann', at };
      await tx.put(SUBSCRIPTIONS, 'fraud', JSON.stringify({ ...control, resumed }));
    });
    await goesOn();
    await subscriptions.pause('fraud');
    await here('paused');
  }
  await subscriptions.resume('fraud');
  await goesOn();
  expect(handled).toBe(3);
});
