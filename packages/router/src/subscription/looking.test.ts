import { Recorder, memory } from '@backstory/core';
import { Subscriptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { watching } from '../../../../test/support/subscribing.js';

it('what is asked for while it looks is looked at next, not after a while', async () => {
  const storage = await memory().open();
  const recorder = new Recorder(storage.events, { source: 'test' });
  // By itself it looks four times in this time.
  const subscriptions = new Subscriptions({ ...storage, recorder, leaseMs: 300_000 });
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
