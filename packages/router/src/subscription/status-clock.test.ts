import { Recorder, memory } from '@backstory/core';
import { MemoryStateStore } from '@backstory/core/state';
import { Subscriptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { watching } from '../../../../test/support/subscribing.js';
import { PARTITIONS } from './key-partition.js';

const HOUR = 3_600_000;

it.each([-HOUR, HOUR])(
  'a subscription that runs is seen to run by a process whose clock is %s ms ahead of that of the state store',
  async (by) => {
    const { events } = await memory().open();
    const state = new MemoryStateStore({ now: () => Date.now() - by });
    let go: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    const recorder = new Recorder(events, { source: 'test' });
    const subscriptions = new Subscriptions({ events, state, recorder });
    await subscriptions.add(watching('fraud', () => held));
    await recording(events)('1', new Deposited(1));
    const status = await subscriptions.status('fraud');
    expect(status).toMatchObject({
      state: 'catching-up',
      owned: PARTITIONS,
      members: [{ partitions: PARTITIONS }],
    });
    go();
    await subscriptions.close();
    expect(await subscriptions.status('fraud')).toMatchObject({ state: 'stopped', owned: 0, members: [] });
  },
);
