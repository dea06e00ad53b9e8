import { Recorder, memory } from '@backstory/core';
import { Subscriptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { watching, subscriptionsOn } from '../../../../test/support/subscribing.js';

it('what is asked for while it looks is looked at next, not after a while', async () => {
  const storage = await memory().open();
  // By itself it looks four times in this time.
  const subscriptions = subscriptionsOn(storage, { leaseMs: 300_000 });
  let handled = 0;
  await subscriptions.add(watching('fraud', () => void handled++));
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const leases = storage.state.leases.bind(storage.state);
  const looks = jest.spyOn(storage.state, 'leases').mockImplementationOnce(async (...given) => {
    await held;
    return leases(...given);
  });
  await subscriptions.pause('fraud');
  await eventually(() => looks.mock.calls.length > 0);
  await subscriptions.resume('fraud');
  letGo();
  await recording(storage.events)('1', new Deposited(1));
  await eventually(() => handled === 1, 15_000);
  await subscriptions.close();
  await storage.close();
});

it('a replay begins as soon as the one before it in its partition is done', async () => {
  const storage = await memory().open();
  const recorder = new Recorder(storage.events, { source: 'test' });
  const [owner, desk] = [1, 2].map(() => new Subscriptions({ ...storage, recorder, leaseMs: 300_000 }));
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  let isAgain = false;
  const seen: number[] = [];
  const handle = async (_event: object, { version }: { readonly version: number }) => {
    seen.push(version);
    if (isAgain) await held;
  };
  await owner!.add(watching('fraud', handle));
  await recording(storage.events)('1', new Deposited(1), new Deposited(2), new Deposited(3));
  await eventually(async () => (await desk!.status('fraud')).position >= 3);
  isAgain = true;
  for (const at of [1, 2, 3]) await desk!.replay('fraud', { key: 'account-1', from: at, to: at });
  await owner!.resume('fraud');
  await eventually(() => seen.length === 4);
  letGo();
  await eventually(() => seen.length === 6, 15_000);
  expect(seen.slice(3).toSorted()).toEqual([1, 2, 3]);
  await Promise.all([owner!.close(), desk!.close()]);
  await storage.close();
});
