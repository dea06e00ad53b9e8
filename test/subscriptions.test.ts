import { Recorder, StoreUnavailable, memory, type EventStore, type LogPage } from '@backstory/core';
import { Subscriptions, SubscriptionAdmin, reaction, subscriber } from '@backstory/router';
import { Deposited, Withdrawn, recording } from './support/bank-events.js';
import { describeEachStorage } from './support/each-storage.js';
import { eventually } from './support/eventually.js';
import { place, processes, watching } from './support/subscribing.js';

describeEachStorage((stores) => {
  const start = processes(stores);
  afterEach(() => jest.restoreAllMocks());

  it('events are handled in the order of their stream, once while nothing fails, and go on after a restart', async () => {
    const storage = await stores.storage();
    const { events, subscriptions } = await start(storage);
    const record = recording(events);
    const seen: string[] = [];
    const watcher = () =>
      watching('fraud', async (_event, recorded) => {
        await Promise.resolve();
        seen.push(place(recorded));
      });
    for (const account of ['1', '2', '3'])
      await record(account, new Deposited(5), new Withdrawn(2), new Withdrawn(1));
    await subscriptions.add(watcher());
    await eventually(() => seen.length === 9);
    for (const account of ['1', '2', '3']) {
      const own = seen.filter((it) => it.startsWith(`account-${account} `));
      expect(own).toEqual([1, 2, 3].map((version) => `account-${account} v${version}`));
    }
    await subscriptions.remove('fraud');
    await record('2', new Withdrawn(3));
    const next = await start(storage);
    await next.subscriptions.add(watcher());
    await eventually(() => seen.length === 10);
    expect(seen[9]).toBe('account-2 v4');
  });

  it('a key that fails waits and parks, the others flow; repaired and retried, it goes on in order', async () => {
    const storage = await stores.storage();
    const { events, state, subscriptions } = await start(storage);
    const record = recording(events);
    const seen: string[] = [];
    let isRepaired = false;
    const watcher = watching('fraud', (_event, recorded) => {
      if (recorded.stream === 'account-1' && recorded.version === 2 && !isRepaired)
        throw new Error('no such rule');
      seen.push(place(recorded));
    });
    await subscriptions.add(watcher);
    await record('1', new Deposited(5), new Withdrawn(2), new Withdrawn(1));
    await record('2', new Deposited(5), new Withdrawn(2));
    const dead = () => subscriptions.parked('fraud', { states: ['dead'] });
    const [parked] = await eventually(async () => {
      const found = await dead();
      return found.length > 0 && found;
    });
    expect(parked).toMatchObject({
      key: 'account-1',
      state: 'dead',
      eventType: 'account.withdrawn',
      handler: 'watch',
      attempts: 3,
      reason: 'poison',
      error: { name: 'Error', message: 'no such rule' },
    });
    expect(seen).toEqual(expect.arrayContaining(['account-1 v1', 'account-2 v1', 'account-2 v2']));
    await record('1', new Deposited(7));
    const status = await eventually(async () => {
      const now = await subscriptions.status('fraud');
      return now.lag.events === 0 && now;
    });
    expect(status).toMatchObject({
      state: 'live',
      lag: { seconds: 0 },
      parked: { dead: 1, retrying: 0, draining: 0 },
    });

    isRepaired = true;
    const admin = new SubscriptionAdmin({
      events,
      state,
      recorder: new Recorder(events, { source: 'desk' }),
    });
    await admin.retry('fraud', { key: 'account-1' }, { actor: 'ann', reason: 'rule added' });
    await eventually(async () => (await subscriptions.parked('fraud')).length === 0);
    const own = seen.filter((it) => it.startsWith('account-1 '));
    expect(own).toEqual(['account-1 v1', 'account-1 v2', 'account-1 v3', 'account-1 v4']);
  });

  it('what is parked outlives the process, and what came meanwhile is not lost', async () => {
    const storage = await stores.storage();
    const first = await start(storage);
    const record = recording(first.events);
    const seen: string[] = [];
    let isRepaired = false;
    const watcher = () =>
      watching('fraud', (_event, recorded) => {
        if (!isRepaired) throw new Error('not yet');
        seen.push(place(recorded));
      });
    await record('1', new Deposited(5), new Withdrawn(2));
    await first.subscriptions.add(watcher());
    await eventually(
      async () => (await first.subscriptions.parked('fraud', { states: ['dead'] })).length > 0,
    );
    await first.subscriptions.close();
    await record('1', ...Array.from({ length: 40 }, (_, i) => new Deposited(i)));
    const second = await start(storage);
    await second.subscriptions.add(watcher());
    await record('1', new Withdrawn(3));
    expect(seen).toEqual([]);
    isRepaired = true;
    await second.subscriptions.retry('fraud', 'all', { actor: 'ann' });
    await eventually(() => seen.length >= 43);
    expect(seen).toEqual(Array.from({ length: 43 }, (_, i) => `account-1 v${i + 1}`));
    await eventually(async () => (await second.subscriptions.status('fraud')).parked.draining === 0);
    await record('1', new Withdrawn(1));
    await eventually(() => seen.length === 44);
  });

  it('a key parked ahead of an event that another key of its partition was still at is not lost in a takeover', async () => {
    const storage = await stores.storage();
    const [first, second] = [await start(storage), await start(storage)];
    const record = recording(first.events);
    const seen: string[] = [];
    // account-6 and account-14 are in one partition.
    const fails = (_event: object, { stream }: { readonly stream: string }) => {
      if (stream === 'account-14') throw new Error('not yet');
      return new Promise(() => undefined);
    };
    const options = { stopTimeoutMs: 10, retry: { attempts: 10_000, delayMs: 20, maxDelayMs: 20 } };
    await record('6', new Deposited(1));
    await record('14', new Deposited(2), new Deposited(3));
    await first.subscriptions.add(watching('fraud', fails, options));
    await eventually(async () => (await first.subscriptions.status('fraud')).parked.retrying === 1);
    await first.subscriptions.close();
    // What is parked comes before the log does.
    const { readAll } = second.events;
    jest.spyOn(second.events, 'readAll').mockImplementation(async function* (query) {
      if (!query?.streams) await new Promise((wait) => setTimeout(wait, 100));
      yield* readAll.call(second.events, query);
    });
    await second.subscriptions.add(watching('fraud', (_event, recorded) => void seen.push(place(recorded))));
    await eventually(() => seen.length === 3);
    expect(seen.filter((it) => it.startsWith('account-14'))).toEqual(['account-14 v1', 'account-14 v2']);
  });

  it('two processes share the partitions, and when one goes the other has them all', async () => {
    const storage = await stores.storage();
    const [one, two] = [await start(storage), await start(storage)];
    const record = recording(one.events);
    const seen: string[] = [];
    const watcher = (by: string) =>
      watching('fraud', (_event, recorded) => void seen.push(`${by} ${place(recorded)}`));
    await one.subscriptions.add(watcher('one'));
    await two.subscriptions.add(watcher('two'));
    await eventually(async () => {
      const { members } = await two.subscriptions.status('fraud');
      return members.length === 2 && members.every((it) => it.partitions === 32);
    });
    for (let i = 0; i < 20; i++) await record(String(i), new Deposited(i));
    await eventually(() => seen.length >= 20);
    expect(new Set(seen.map((it) => it.split(' ')[0]))).toEqual(new Set(['one', 'two']));
    expect(new Set(seen.map((it) => it.split(' ')[1])).size).toBe(20);
    expect(seen.length).toBe(20);
    await one.subscriptions.close();
    await eventually(async () => (await two.subscriptions.status('fraud')).members[0]?.partitions === 64);
    for (let i = 0; i < 20; i++) await record(String(i), new Withdrawn(i));
    await eventually(() => seen.length >= 40);
    expect(seen.slice(20).every((it) => it.startsWith('two '))).toBe(true);
    expect(new Set(seen.map((it) => it.slice(4))).size).toBe(40);
  });

  it('paused by one process, another that owns it handles nothing until it is resumed; both are recorded with their actor', async () => {
    const storage = await stores.storage();
    const [owner, desk] = [await start(storage), await start(storage)];
    const record = recording(owner.events);
    const seen: string[] = [];
    await owner.subscriptions.add(watching('fraud', (_event, recorded) => void seen.push(place(recorded))));
    await desk.subscriptions.pause('fraud', { actor: 'ann', reason: 'audit' });
    const isPaused = async () => (await desk.subscriptions.status('fraud')).members[0]?.state === 'paused';
    await eventually(isPaused);
    await record('1', new Deposited(1));
    const status = await eventually(async () => {
      const now = await desk.subscriptions.status('fraud');
      return now.lag.seconds > 0 && now;
    });
    expect(status).toMatchObject({
      state: 'paused',
      reason: 'by ann: audit',
      lag: { events: expect.any(Number) },
    });
    expect(seen).toEqual([]);
    await desk.subscriptions.resume('fraud', { actor: 'bob' });
    await eventually(() => seen.length === 1);
    await owner.subscriptions.close();
    const told: unknown[] = [];
    for await (const { events } of desk.events.readStream('_system-fraud')) {
      for (const { type, metadata } of events)
        told.push([type, (JSON.parse(metadata) as { actor?: string }).actor]);
    }
    expect(told).toEqual(
      expect.arrayContaining([
        ['subscription.started', undefined],
        ['subscription.paused', 'ann'],
        ['subscription.resumed', 'bob'],
        ['subscription.stopped', undefined],
      ]),
    );
  });

  it('reset to an earlier position, every later event is handled again', async () => {
    const storage = await stores.storage();
    const { events, subscriptions } = await start(storage);
    const record = recording(events);
    const seen: string[] = [];
    await record('1', new Deposited(1), new Deposited(2), new Deposited(3));
    await subscriptions.add(watching('fraud', (_event, recorded) => void seen.push(place(recorded))));
    await eventually(() => seen.length === 3);
    await subscriptions.reset('fraud', 1, { actor: 'ann' });
    await eventually(() => seen.length === 5);
    expect(seen.slice(3)).toEqual(['account-1 v2', 'account-1 v3']);
    await record('1', new Deposited(4));
    await eventually(() => seen.length === 6);
  });

  it('a process that is gone without a word is known by its lag, and another takes over what it had', async () => {
    const storage = await stores.storage();
    const [gone, next] = [await start(storage), await start(storage)];
    const record = recording(gone.events);
    const seen: string[] = [];
    const hangs = () => new Promise(() => undefined);
    await gone.subscriptions.add(watching('fraud', hangs, { stopTimeoutMs: 50 }));
    await record('1', new Deposited(1));
    // Nothing of it reaches the store any more.
    for (const method of ['renew', 'release', 'acquire', 'transaction'] as const)
      jest.spyOn(gone.state, method).mockRejectedValue(new StoreUnavailable('the store', 'cut off'));
    await eventually(async () => (await next.subscriptions.status('fraud')).state === 'stopped');
    expect(await next.subscriptions.status('fraud')).toMatchObject({ lag: { events: expect.any(Number) } });
    await next.subscriptions.add(watching('fraud', (_event, recorded) => void seen.push(place(recorded))));
    await eventually(() => seen.length === 1);
  });

  it('what is done once is done once, however often the event is delivered', async () => {
    const storage = await stores.storage();
    const { events, state, subscriptions } = await start(storage);
    const record = recording(events);
    let attempts = 0;
    await record('1', new Deposited(5), new Deposited(6));
    await subscriptions.add(
      watching('fraud', async (event, recorded, { once }) => {
        attempts++;
        await once(recorded, async (tx) => {
          const sum = Number((await tx.get('sums', 'all')) ?? 0);
          await tx.put('sums', 'all', String(sum + event.amount));
        });
        if (attempts % 3 !== 0) throw new Error('after the effect');
      }),
    );
    await eventually(() => attempts === 6);
    await eventually(async () => (await subscriptions.status('fraud')).parked.retrying === 0);
    expect(await state.read((view) => view.get('sums', 'all'))).toBe('11');
    // Marks go with the checkpoint that covers their event.
    await eventually(
      async () => (await state.read((view) => view.count('backstory.subscriptions/fraud/once'))) === 0,
    );
  });
});

it('a log that lost its end and grew past it stops a subscription at its start, though none of its own events is gone', async () => {
  const [before, after] = [await memory().open(), await memory().open()];
  const recorder = new Recorder(before.events, { source: 'test' });
  const subscriptions = new Subscriptions({ ...before, recorder });
  await recording(before.events)('1', new Deposited(1), new Withdrawn(1));
  await subscriptions.add(onlyDeposits(() => undefined));
  await subscriptions.handled('deposits', (await before.events.identity()).head);
  await subscriptions.close();
  // The other machine never got the withdrawal, nor what came after it.
  const { logId, head } = await before.events.identity();
  const first: LogPage[] = [];
  for await (const page of before.events.readAll({ upTo: 1 })) first.push(page);
  await after.events.restore(first);
  await recording(after.events)(
    '2',
    ...Array.from({ length: head + 1 }, (_, i) => new Withdrawn(i)),
    new Deposited(2),
  );
  const lossy: EventStore = Object.assign(Object.create(after.events) as EventStore, {
    identity: async () => ({ ...(await after.events.identity()), logId }),
  });
  const seen: unknown[] = [];
  const next = new Subscriptions({
    events: lossy,
    state: before.state,
    recorder: new Recorder(lossy, { source: 'test' }),
  });
  await next.add(onlyDeposits((event) => void seen.push(event)));
  const { state, reason } = await next.status('deposits');
  expect({ state, reason }).toEqual({
    state: 'faulted',
    reason: expect.stringMatching(/event \S+, which was there before, is not there/),
  });
  expect(seen).toEqual([]);
  await next.close();
});

function onlyDeposits(handle: (event: Deposited) => unknown) {
  return subscriber({ name: 'deposits', on: [reaction(Deposited, handle)] });
}

it('two subscribers with one name, and what is none, are refused', async () => {
  const { events, state } = await memory().open();
  const subscriptions = new Subscriptions({
    events,
    state,
    recorder: new Recorder(events, { source: 'test' }),
  });
  await subscriptions.add(watching('fraud', () => undefined));
  await expect(subscriptions.add(watching('fraud', () => undefined))).rejects.toMatchObject({
    code: 'BACKSTORY_SUBSCRIPTION_EXISTS',
  });
  await expect(subscriptions.add({})).rejects.toMatchObject({ code: 'BACKSTORY_INVALID_DEFINITION' });
  await expect(subscriptions.status('other')).rejects.toMatchObject({
    code: 'BACKSTORY_SUBSCRIPTION_NOT_FOUND',
  });
  await subscriptions.close();
});
