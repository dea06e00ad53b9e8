import { EventTypes } from '@backstory/events';
import { silent } from '@backstory/core/observe';
import { Recorder, StoreUnavailable, memory, type OpenStorage } from '@backstory/core';
import {
  Subscriptions,
  batchReaction,
  reaction,
  subscriber,
  type SubscriptionOptions,
} from '@backstory/router';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { watching } from '../../../../test/support/subscribing.js';
import { partitionOf } from './key-partition.js';

let storage: OpenStorage;
let recorder: Recorder;
let record: ReturnType<typeof recording>;
let subscriptions: Subscriptions;
beforeEach(async () => {
  storage = await memory().open();
  recorder = new Recorder(storage.events, { source: 'test' });
  record = recording(storage.events);
  subscriptions = new Subscriptions({ ...storage, recorder });
});
afterEach(() => subscriptions.close());

const QUICK: SubscriptionOptions = {
  breaker: { keys: 3, probeMs: 10, maxProbeMs: 10 },
  retry: { attempts: 2, delayMs: 10 },
};
const state = async () => (await subscriptions.status('fraud')).state;
const paused = () => eventually(async () => (await state()) === 'paused');
const live = () => eventually(async () => (await state()) === 'live');
const refused = () => new StoreUnavailable('a store', 'refused');

it('a probe that meets an event which cannot be decoded is followed by another one', async () => {
  let isDown = true;
  const handle = () => {
    if (isDown) throw refused();
  };
  await subscriptions.add(watching('fraud', handle, QUICK));
  await record('1', new Deposited(1));
  await paused();
  const broken = { type: 'account.deposited', schemaVersion: 7, data: '{"amount":1}', metadata: {} };
  await recorder.record([{ stream: 'account-2', expected: 'any', events: [broken] }]);
  await eventually(async () => (await subscriptions.parked('fraud')).length === 1);
  isDown = false;
  await live();
});

it('the next probe is another key, however urgent the one is that was tried', async () => {
  let isDown = true;
  const urgent = {
    ...new EventTypes([Deposited]).encode(new Deposited(1)),
    metadata: { priority: 'high' as const },
  };
  const handle = (_event: object, { stream }: { readonly stream: string }) => {
    if (isDown || stream === 'account-0') throw new Error('no');
  };
  await subscriptions.add(watching('fraud', handle, QUICK));
  await recorder.record([{ stream: 'account-0', expected: 'any', events: [urgent] }]);
  for (const id of ['1', '2', '3', '4']) await record(id, new Deposited(1));
  await paused();
  isDown = false;
  const dead = await eventually(async () => {
    const found = await subscriptions.parked('fraud', { states: ['dead'] });
    return found.length > 0 && found;
  });
  expect(dead.map(({ key }) => key)).toEqual(['account-0']);
  await live();
});

it('an event that no handler wants ends no outage', async () => {
  let calls = 0;
  const handle = () => {
    calls++;
    throw refused();
  };
  const on = [
    reaction(Withdrawn, handle, { name: 'watch' }),
    reaction(Deposited, handle, { name: 'see', when: ({ data }) => data.amount > 1 }),
  ];
  await subscriptions.add(subscriber({ name: 'fraud', on, checkpointMs: 20, ...QUICK }));
  for (let i = 0; i < 20; i++) {
    await record(`w-${i}`, new Withdrawn(1));
    await record(`d-${i}`, new Deposited(1));
  }
  await eventually(() => calls > 12);
  await subscriptions.close();
  const told: string[] = [];
  for await (const page of storage.events.readStream('_system-fraud'))
    told.push(...page.events.map(({ type }) => type));
  expect(told.filter((it) => it === 'subscription.resumed')).toEqual([]);
});

it('batches that go well count against an outage as events do', async () => {
  const seen: string[] = [];
  const on = batchReaction(
    [Deposited],
    (batch) => {
      for (const { stream } of batch) {
        if (Number(stream.slice('account-'.length)) % 10 === 0) throw new Error('no');
        seen.push(stream);
      }
    },
    { name: 'watch', size: 1 },
  );
  const pauses: string[] = [];
  await subscriptions.close();
  subscriptions = new Subscriptions({
    ...storage,
    recorder,
    observer: { ...silent, consumer: (facts) => void pauses.push(facts().change) },
  });
  await subscriptions.add(subscriber({ name: 'fraud', on: [on], checkpointMs: 20, ...QUICK }));
  for (let i = 0; i < 60; i++) {
    await record(String(i), new Deposited(1));
    if (i % 10 > 0) await eventually(() => seen.includes(`account-${i}`));
  }
  await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 6);
  expect(pauses).not.toContain('paused');
});

it('a reset ends an outage: what it was about is handled no more, or tried anew', async () => {
  await subscriptions.add(watching('fraud', () => Promise.reject(refused()), QUICK));
  await record('1', new Deposited(1));
  await paused();
  await subscriptions.reset('fraud', 'now');
  await live();
});

describe('a process goes on that has nothing more to do with its outage: another one has it', () => {
  /** Another one, until there are so many with equal shares. */
  async function joined(many: number, handle: Parameters<typeof watching>[1], options = QUICK) {
    const other = new Subscriptions({ ...storage, recorder });
    others.push(other);
    await other.add(watching('fraud', handle, options));
    await eventually(async () => {
      const { members } = await subscriptions.status('fraud');
      return members.length === many && members.every(({ partitions }) => partitions <= Math.ceil(64 / many));
    });
  }
  const others: Subscriptions[] = [];
  afterEach(() => Promise.all(others.splice(0).map((it) => it.close())));

  /** A key in one of these partitions, which are given up in their order. */
  const keyIn = (first: number, last: number) =>
    [...Array(1_000).keys()].map(String).find((it) => {
      const partition = partitionOf(`account-${it}`);
      return first <= partition && partition <= last;
    })!;

  it('with the event that failed', async () => {
    let isDown = true;
    const seen: string[] = [];
    const handle = (_event: object, { stream }: { readonly stream: string }) => {
      if (isDown) throw refused();
      seen.push(stream);
    };
    await subscriptions.add(watching('fraud', handle, QUICK));
    await record(keyIn(0, 8), new Deposited(1));
    await paused();
    await joined(2, handle);
    isDown = false;
    await eventually(() => seen.length === 1);
    await live();
  });

  it('with another one that was still to be tried', async () => {
    const [down, poison] = [keyIn(0, 8), keyIn(32, 40)];
    const options = { ...QUICK, retry: { attempts: 2, delayMs: 25_000 } };
    let isDown = true;
    const handle = (_event: object, { stream }: { readonly stream: string }) => {
      if (stream === `account-${poison}`) throw new Error('no such rule');
      if (isDown) throw refused();
    };
    await subscriptions.add(watching('fraud', handle, options));
    await record(poison, new Deposited(1));
    await eventually(async () => (await subscriptions.status('fraud')).parked.retrying === 1);
    await record(down, new Deposited(1));
    await paused();
    await joined(2, handle, options);
    isDown = false;
    await eventually(async () => (await subscriptions.status('fraud')).lag.events === 0);
    await new Promise((wait) => setTimeout(wait, 100));
    expect(await state()).toBe('paused');
    await joined(3, handle, options);
    await live();
  });
});
