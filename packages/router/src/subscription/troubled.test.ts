import {
  Recorder,
  StoreUnavailable,
  StoreUnusable,
  memory,
  type EventStore,
  type OpenStorage,
} from '@backstory/core';
import { type Subscriptions, type SubscriptionOptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, watching, subscriptionsOn } from '../../../../test/support/subscribing.js';

let storage: OpenStorage;
let subscriptions: Subscriptions;
const unhandled: unknown[] = [];
const hear = (reason: unknown) => unhandled.push(reason);
beforeEach(async () => {
  unhandled.length = 0;
  process.on('unhandledRejection', hear);
  storage = await memory().open();
  subscriptions = subscriptionsOn(storage);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await subscriptions.close();
  process.off('unhandledRejection', hear);
});

const TWICE: SubscriptionOptions = { retry: { attempts: 2, delayMs: 5 } };
const only13 =
  (trouble: () => unknown) =>
  (_: object, { stream }: { readonly stream: string }) =>
    stream === 'account-13' ? trouble() : undefined;

it('one that throws, one that hangs, one that rejects later, one that cannot read, one that is flooded: each says so, and the others go on', async () => {
  const record = recording(storage.events);
  const late: (() => void)[] = [];
  const rejectsLater = () =>
    new Promise((_, reject) => late.push(() => reject(new Error('later than anybody waits'))));
  const gate: { open?: () => void } = {};
  const opened = new Promise<void>((open) => (gate.open = open));
  const seen: string[] = [];
  const throws = only13(() => {
    throw new Error('no such rule');
  });
  await subscriptions.add(watching('throws', throws, TWICE));
  const hangs = only13(() => new Promise(() => undefined));
  await subscriptions.add(watching('hangs', hangs, { ...TWICE, timeoutMs: 20 }));
  await subscriptions.add(watching('rejects', only13(rejectsLater), { ...TWICE, timeoutMs: 20 }));
  await subscriptions.add(watching('floods', () => opened, { buffer: 10 }));
  await subscriptions.add(watching('well', (_event, recorded) => void seen.push(place(recorded))));

  const recorder = new Recorder(storage.events, { source: 'elsewhere' });
  const foreign = (stream: string, type: string, schemaVersion: number) =>
    recorder.record([{ stream, expected: 'any', events: [{ type, schemaVersion, data: '{"amount":1}' }] }]);
  await foreign('stranger-1', 'stranger.happened', 1);
  for (let i = 0; i < 40; i++) await record(String(i), new Deposited(i));
  // Of a newer release than this one.
  await foreign('account-99', 'account.deposited', 7);
  for (let i = 0; i < 40; i++) await record(String(i), new Deposited(i));
  await foreign('stranger-1', 'stranger.happened', 1);

  const settled = (name: string, dead: number) =>
    eventually(async () => {
      const { state, lag, parked } = await subscriptions.status(name);
      return state === 'live' && lag.events === 0 && parked.dead === dead && parked.retrying === 0;
    });
  const deadOf = async (name: string, key: string) =>
    (await subscriptions.parked(name)).find((it) => it.key === key);
  for (const name of ['throws', 'hangs', 'rejects']) await settled(name, 2);
  await settled('well', 1);
  expect(await deadOf('throws', 'account-13')).toMatchObject({
    reason: 'poison',
    attempts: 2,
    error: { message: 'no such rule' },
  });
  for (const name of ['hangs', 'rejects'])
    expect(await deadOf(name, 'account-13')).toMatchObject({ reason: 'time-out', attempts: 2 });
  for (const name of ['throws', 'hangs', 'rejects', 'well'])
    expect(await deadOf(name, 'account-99')).toMatchObject({ reason: 'cannot-decode' });
  const all = [1, 2].flatMap((version) => Array.from({ length: 40 }, (_, i) => `account-${i} v${version}`));
  // On a busy machine one may be delivered twice.
  expect([...new Set(seen)].sort()).toEqual(all.sort());

  // It reads no more than it may keep, and says how far behind it is.
  const flooded = await eventually(async () => {
    const status = await subscriptions.status('floods');
    return status.members[0]?.isFull && status;
  });
  expect(flooded).toMatchObject({ state: 'catching-up', parked: { dead: 0, retrying: 0 } });
  expect(flooded.lag.events).toBeGreaterThan(0);
  expect(flooded.lag.seconds).toBeGreaterThan(0);
  gate.open!();
  await settled('floods', 1);

  // What comes of an attempt that was given up counts no more, and hurts nobody.
  for (const reject of late) reject();
  await new Promise((turn) => setImmediate(turn));
  expect(late.length).toBeGreaterThanOrEqual(2);
  expect(unhandled).toEqual([]);
  expect((await subscriptions.status('rejects')).parked).toEqual({ dead: 2, retrying: 0, draining: 0 });
});

/** Whoever follows the log finds it damaged; a status reads one event at most, and does not. */
function damage(events: EventStore): void {
  const { readAll } = events;
  jest.spyOn(events, 'readAll').mockImplementation((query) => {
    if (query?.limit !== undefined) return readAll.call(events, query);
    throw new StoreUnusable('memory', 'corrupt', 'the log is damaged.');
  });
}

it('a fault in an outage is told after it, and stays the reason that is told', async () => {
  const { events, state } = storage;
  await subscriptions.add(watching('fraud', () => undefined));
  const { acquire, transaction } = state;
  jest.spyOn(state, 'acquire').mockRejectedValue(new StoreUnavailable('memory', 'gone'));
  jest.spyOn(state, 'transaction').mockRejectedValue(new StoreUnavailable('memory', 'gone'));
  damage(events);
  await recording(events)('1', new Deposited(1));
  await eventually(async () => (await subscriptions.status('fraud')).members.length === 0);

  jest.spyOn(state, 'transaction').mockImplementation(transaction.bind(state));
  jest.spyOn(state, 'acquire').mockRejectedValueOnce(new StoreUnusable('memory', 'corrupt', 'the state is.'));
  jest.spyOn(state, 'acquire').mockImplementation(acquire.bind(state));
  const { members } = await eventually(async () => {
    const status = await subscriptions.status('fraud');
    return status.state === 'faulted' && status;
  });
  expect(members).toMatchObject([{ state: 'faulted', reason: 'memory: the log is damaged.' }]);
});

it('partitions that come while it fails are given up, though that could not be said at once', async () => {
  const { events, state } = storage;
  const { acquire, read } = state;
  const gate: { open?: () => void } = {};
  const opened = new Promise<void>((open) => (gate.open = open));
  let isAsked = false;
  jest.spyOn(state, 'acquire').mockImplementation(async (...asked) => {
    const partition = /\/(\d\d)$/.exec(asked[0])?.[1];
    if (Number(partition) >= 32) {
      isAsked = true;
      await opened;
    }
    return acquire.apply(state, asked);
  });
  const others = { owner: 'another', ttlMs: 600_000 };
  const taken = [];
  for (let i = 32; i < 64; i++) taken.push((await acquire.call(state, `subscription/fraud/${i}`, others))!);
  await subscriptions.add(watching('fraud', () => undefined));
  for (const lease of taken) await state.release(lease);
  await eventually(() => isAsked);

  damage(events);
  await recording(events)('1', new Deposited(1));
  await eventually(async () => (await subscriptions.status('fraud')).state === 'faulted');
  let reads = 0;
  // The first is of what has come, the next of what is asked of it: so it ends before it says how it is.
  jest
    .spyOn(state, 'read')
    .mockImplementation((work) =>
      ++reads === 2 ? Promise.reject(new StoreUnavailable('memory', 'gone')) : read.call(state, work),
    );
  gate.open!();
  await eventually(async () => {
    const held = (await state.leases('subscription/fraud/')).filter(({ name }) => /\/\d\d$/.test(name));
    return reads > 2 && held.length === 0;
  });
});

it('what is parked and cannot be read leaves no partition to a process that does nothing with it', async () => {
  const { state } = storage;
  await state.transaction([], (tx) => tx.put('backstory.subscriptions/fraud/parked', '03/account-1', '{}'));
  await subscriptions.add(watching('fraud', () => undefined));
  const { reason } = await eventually(async () => {
    const status = await subscriptions.status('fraud');
    return status.state === 'faulted' && status;
  });
  expect(reason).toContain('format');
  expect((await state.leases('subscription/fraud/')).map(({ name }) => name)).toEqual([
    'subscription/fraud/faulted/0',
  ]);
});

it.each(['before it heard of it', 'with its answer'])(
  'a store that goes away %s while partitions are taken, or given up, leaves none of them without an owner',
  async (when) => {
    const { state } = storage;
    const { acquire, release } = state;
    let left = 40;
    const passing = (): boolean => left-- <= 0 || left % 2 === 0;
    const away = () => new StoreUnavailable('memory', 'gone');
    jest.spyOn(state, 'acquire').mockImplementation(async (...asked) => {
      if (!/\/\d\d$/.test(asked[0]) || passing()) return acquire.apply(state, asked);
      if (when === 'with its answer') await acquire.apply(state, asked);
      throw away();
    });
    const seen: string[] = [];
    await subscriptions.add(watching('fraud', (_event, recorded) => void seen.push(place(recorded))));
    await eventually(async () => (await subscriptions.status('fraud')).members[0]?.partitions === 64);

    left = 40;
    jest.spyOn(state, 'release').mockImplementation(async (lease) => {
      if (passing()) return release.call(state, lease);
      if (when === 'with its answer') await release.call(state, lease);
      throw away();
    });
    await subscriptions.remove('fraud');
    await subscriptions.add(watching('fraud', (_event, recorded) => void seen.push(place(recorded))));
    for (let i = 0; i < 100; i++) await recording(storage.events)(String(i), new Deposited(i));
    await eventually(() => new Set(seen).size === 100);
  },
);
