import { getEventListeners } from 'node:events';
import { memory, type OpenStorage } from '@backstory/core';
import { LeaseHolder, type HeldLease } from '@backstory/core/state';
import type { Subscriptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, watching, subscriptionsOn } from '../../../../test/support/subscribing.js';
import { PARTITIONS } from './key-partition.js';

let storage: OpenStorage;
let running: Subscriptions[];
beforeEach(async () => {
  storage = await memory().open();
  running = [];
});
afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(running.map((it) => it.close()));
});

function start(): Subscriptions {
  const subscriptions = subscriptionsOn(storage);
  running.push(subscriptions);
  return subscriptions;
}

it('a partition is given up with its checkpoint: who gets it goes on from there', async () => {
  const seen: string[] = [];
  const fraud = () =>
    watching('fraud', (_event, recorded) => void seen.push(place(recorded)), { checkpointMs: 3_600_000 });
  const record = recording(storage.events);
  const keys = Array.from({ length: 40 }, (_, i) => String(i));
  const [one, two] = [start(), start()];
  await one.add(fraud());
  for (const key of keys) await record(key, new Deposited(1));
  await eventually(() => seen.length === keys.length);
  await two.add(fraud());
  await eventually(async () => {
    const { members } = await one.status('fraud');
    return members.length === 2 && members.every(({ partitions }) => partitions === PARTITIONS / 2);
  });
  for (const key of keys) await record(key, new Deposited(2));
  await eventually(() => keys.every((key) => seen.includes(`account-${key} v2`)));
  expect(seen.filter((it) => it.endsWith('v1'))).toHaveLength(keys.length);
});

it('however often a subscription is reset, one listener waits for the loss of each lease', async () => {
  const acquire = jest.spyOn(LeaseHolder.prototype, 'acquire');
  let handled = 0;
  const subscriptions = start();
  await subscriptions.add(watching('fraud', () => void handled++));
  await recording(storage.events)('1', new Deposited(1));
  await eventually(() => handled === 1);
  for (const times of [2, 3, 4]) {
    await subscriptions.reset('fraud', 'beginning');
    await eventually(() => handled === times);
  }
  const leases = await Promise.all(acquire.mock.results.map(({ value }) => value as Promise<HeldLease>));
  const listeners = leases.map(({ signal }) => getEventListeners(signal, 'abort').length);
  expect(Math.max(...listeners)).toBe(1);
});

it('however often something is asked of a subscription in no time, no more waits for its end', async () => {
  const subscriptions = start();
  await subscriptions.add(watching('fraud', () => undefined));
  const { running } = subscriptions as unknown as {
    running: Map<string, { stopping: AbortController }>;
  };
  const { signal } = running.get('fraud')!.stopping;
  const listeners = () => getEventListeners(signal, 'abort').length;
  const before = listeners();
  for (let i = 0; i < 20; i++) await subscriptions.resume('fraud');
  expect(listeners()).toBeLessThanOrEqual(before + 1);
});
