import { memory, type OpenStorage } from '@backstory/core';
import type { Subscriptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { watching, subscriptionsOn } from '../../../../test/support/subscribing.js';

let storage: OpenStorage;
let record: ReturnType<typeof recording>;
let subscriptions: Subscriptions;
beforeEach(async () => {
  storage = await memory().open();
  record = recording(storage.events);
  subscriptions = subscriptionsOn(storage, { leaseMs: 400 });
});
afterEach(() => subscriptions.close());

const five = () => [1, 2, 3, 4, 5].map((amount) => new Deposited(amount));

it.each([5, 1])(
  'keys that wait for their next attempt, %s of 5 events there when they fail, leave room for others',
  async (first) => {
    const seen: string[] = [];
    const handle = (_event: object, { stream }: { readonly stream: string }) => {
      if (stream.startsWith('account-bad')) throw new Error('no');
      seen.push(stream);
    };
    const options = {
      buffer: 20,
      breaker: { keys: 1_000 },
      retry: { attempts: 2, delayMs: 3_600_000, maxDelayMs: 3_600_000 },
    };
    await subscriptions.add(watching('fraud', handle, options));
    for (let i = 0; i < 20; i++) await record(`bad-${i}`, ...five().slice(0, first));
    await eventually(async () => (await subscriptions.parked('fraud')).length === 20);
    if (first < 5) for (let i = 0; i < 20; i++) await record(`bad-${i}`, ...five().slice(first));
    const { head } = await storage.events.identity();
    await eventually(async () => (await subscriptions.status('fraud')).position === head);
    await record('well', new Deposited(1));
    await eventually(() => seen.length === 1);
  },
);

it.each([1, 2, 3, 5, 20, 21])(
  'with a buffer of %s keys that wait for their next attempt leave room for others, also when more comes for them',
  async (buffer) => {
    const seen: string[] = [];
    const handle = async (_event: object, { stream }: { readonly stream: string }) => {
      await new Promise((wait) => setTimeout(wait, 1));
      if (stream.startsWith('account-bad')) throw new Error('no');
      seen.push(stream);
    };
    const retry = { attempts: 2, delayMs: 3_600_000, maxDelayMs: 3_600_000 };
    await subscriptions.add(watching('fraud', handle, { buffer, breaker: { keys: 1_000 }, retry }));
    for (let i = 0; i < 3; i++) await record(`bad-${i}`, new Deposited(1));
    await eventually(async () => (await subscriptions.parked('fraud')).length === 3);
    for (let i = 0; i < 3; i++) await record(`bad-${i}`, ...five());
    const { head } = await storage.events.identity();
    await eventually(async () => (await subscriptions.status('fraud')).position === head);
    // More at once than the buffer holds: reading waits until there is room.
    await record('well', ...Array.from({ length: 60 }, (_, i) => new Deposited(i)));
    await eventually(() => seen.length === 60, 10_000);
  },
);

it('no more is in hand than its buffer and what one more reading brings, which is no more than that', async () => {
  let go: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (go = resolve));
  let handled = 0;
  const handle = async () => {
    await held;
    handled++;
  };
  for (let i = 0; i < 20; i++) await record(String(i), ...five());
  await subscriptions.add(watching('fraud', handle, { buffer: 20, concurrency: 1 }));
  const member = async () => (await subscriptions.status('fraud')).members[0]!;
  await eventually(async () => (await member()).isFull);
  expect((await member()).buffered).toBeLessThanOrEqual(40);
  go();
  await eventually(() => handled === 100);
});

it('what waits behind parked keys is read no faster than it is handled', async () => {
  let isWell = false;
  let go: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (go = resolve));
  let handled = 0;
  const handle = async () => {
    if (!isWell) throw new Error('no');
    await held;
    handled++;
  };
  const options = { buffer: 20, concurrency: 1, breaker: { keys: 1_000 }, retry: { attempts: 1 } };
  await subscriptions.add(watching('fraud', handle, options));
  for (let i = 0; i < 20; i++) await record(String(i), ...five());
  await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 20);
  isWell = true;
  await subscriptions.retry('fraud', 'all');
  const buffered = async () => (await subscriptions.status('fraud')).members[0]!.buffered;
  await eventually(async () => (await buffered()) >= 20);
  expect(await buffered()).toBeLessThan(20 + 16);
  go();
  await eventually(() => handled === 100);
});
