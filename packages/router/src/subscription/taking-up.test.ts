import { StoreUnavailable, memory } from '@backstory/core';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { watching, subscriptionsOn } from '../../../../test/support/subscribing.js';
import { PartitionState } from './partition-state.js';

afterEach(() => jest.restoreAllMocks());

it('while partitions cannot be taken up, for the state store is away in between, that is tried no more often than it looks', async () => {
  const storage = await memory().open();
  // It looks every 500 ms.
  const subscriptions = subscriptionsOn(storage, { leaseMs: 2_000 });
  let handled = 0;
  await recording(storage.events)('1', new Deposited(1));
  await subscriptions.add(watching('fraud', () => void handled++));
  await eventually(() => handled === 1);
  const loads = jest.spyOn(PartitionState.prototype, 'load');
  const reset = PartitionState.prototype.reset;
  let resets = 0;
  const away = jest.spyOn(PartitionState.prototype, 'reset').mockImplementation(function (
    this: PartitionState,
    ...given
  ) {
    // The first partition comes, the next one does not.
    if (resets++ % 2 === 1) return Promise.reject(new StoreUnavailable('state', 'away'));
    return reset.apply(this, given);
  });
  await subscriptions.reset('fraud', 'beginning', { actor: 'ann' });
  await eventually(() => loads.mock.calls.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(loads.mock.calls.length).toBeLessThan(7);
  away.mockRestore();
  await eventually(() => handled === 2, 20_000);
  await subscriptions.close();
  await storage.close();
});
