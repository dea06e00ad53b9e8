import { Recorder, memory, type EventStore, type RecordedEvent, type StateStore } from '@backstory/core';
import { Subscriptions, findEvent, type Delivery, type SubscriptionOptions } from '@backstory/router';
import { Deposited, recording, type Withdrawn } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, processes, watching } from '../../../../test/support/subscribing.js';

type Handle = (event: Deposited | Withdrawn, recorded: RecordedEvent<object>, delivery: Delivery) => unknown;
interface Stores {
  readonly events: EventStore;
  readonly state: StateStore;
}

/** Counts in the state store how often something was done once. */
const count = (name: string, recorded: RecordedEvent<object>, { once }: Delivery) =>
  once(recorded, async (tx) => {
    const key = `${name} ${place(recorded)}`;
    await tx.put('effects', key, String(Number((await tx.get('effects', key)) ?? 0) + 1));
  });

async function effects({ state }: Stores) {
  const rows = await state.read((view) => view.list('effects'));
  return Object.fromEntries(rows.map(({ key, value }) => [key, Number(value)]));
}

/** What was asked for, and what was done about it. */
async function told({ events }: Stores) {
  const all: Record<string, unknown>[] = [];
  for await (const page of events.readStream('_system-fraud'))
    for (const { type, data } of page.events)
      if (/request|replayed/.test(type))
        all.push({ type: type.split('.')[1], ...(JSON.parse(data) as object) });
  return all;
}

/** Until so many replays of one partition are through. An owner that lost its lease under way is said to be through with it twice. */
const through = (stores: Stores, many: number) =>
  eventually(async () => {
    const done = (await told(stores)).filter(({ type }) => type === 'replayed');
    return new Set(done.map(({ id }) => id)).size === many;
  });

describeEachStorage((stores) => {
  const start = processes(stores);

  it('an event is handled again and nothing else; what was done once is, unless it is wanted again, and then once', async () => {
    const storage = await stores.storage();
    const [owner, desk] = [await start(storage), await start(storage)];
    const record = recording(owner.events);
    const seen: string[] = [];
    let failures = 0;
    const handle: Handle = async (_event, recorded, delivery) => {
      await count('sent', recorded, delivery);
      seen.push(place(recorded));
      if (failures-- > 0) throw new Error('after the effect');
    };
    await owner.subscriptions.add(watching('fraud', handle));
    const ids = await record('1', new Deposited(1), new Deposited(2), new Deposited(3));
    await desk.subscriptions.handled('fraud', ids[2]!);
    const before = (await desk.subscriptions.status('fraud')).position;
    await desk.subscriptions.replay('fraud', { event: ids[1]! }, { actor: 'ann' });
    await through(owner, 1);
    expect(seen.slice(3)).toEqual(['account-1 v2']);
    const once = { 'sent account-1 v1': 1, 'sent account-1 v2': 1, 'sent account-1 v3': 1 };
    expect(await effects(owner)).toEqual(once);
    failures = 2;
    await desk.subscriptions.replay(
      'fraud',
      { event: ids[1]!, again: true },
      { actor: 'bob', reason: 'lost' },
    );
    await through(owner, 2);
    expect(await effects(owner)).toEqual({ ...once, 'sent account-1 v2': 2 });
    expect(seen.slice(4)).toEqual(Array(3).fill('account-1 v2'));
    expect((await desk.subscriptions.status('fraud')).position).toBeGreaterThanOrEqual(before);
    expect(await told(owner)).toMatchObject([
      { type: 'request', action: 'replay', event: ids[1], again: false },
      { type: 'replayed', handled: 1, failed: 0, actor: 'ann' },
      { type: 'request', action: 'replay', event: ids[1], reason: 'lost', again: true },
      { type: 'replayed', handled: 1, failed: 0, actor: 'bob', again: true },
    ]);
    // Nothing of it is left: neither the requests nor their marks.
    for (const name of ['replays', 'replay-once'])
      await eventually(
        async () =>
          (await owner.state.read((view) => view.count(`backstory.subscriptions/fraud/${name}`))) === 0,
      );
  });

  it('a key, or a part of the log, is handled again in its order; another owner goes on where the first was', async () => {
    const storage = await stores.storage();
    const [owner, next] = [await start(storage), await start(storage)];
    const record = recording(owner.events);
    const seen: string[] = [];
    let isStuck = false;
    const handle =
      (by: string): Handle =>
      async (_event, recorded) => {
        if (isStuck && by === 'one' && recorded.version === 3) await new Promise(() => undefined);
        seen.push(`${by} ${place(recorded)}`);
      };
    await owner.subscriptions.add(watching('fraud', handle('one'), { stopTimeoutMs: 100 }));
    const ids = await record('1', ...[1, 2, 3, 4].map((it) => new Deposited(it)));
    await record('2', new Deposited(5));
    await owner.subscriptions.handled('fraud', (await owner.events.identity()).head);
    isStuck = true;
    seen.length = 0;
    await owner.subscriptions.replay('fraud', { key: 'account-1' });
    await eventually(() => seen.length === 2);
    await owner.subscriptions.close();
    await next.subscriptions.add(watching('fraud', handle('two')));
    await through(next, 1);
    expect(seen).toEqual(['one account-1 v1', 'one account-1 v2', 'two account-1 v3', 'two account-1 v4']);
    // What the subscription says of itself may lie between them.
    const [{ position: from }, { position: to }] = [
      await findEvent(next.events, ids[2]!),
      await findEvent(next.events, ids[3]!),
    ];
    await next.subscriptions.replay('fraud', { from, to });
    await through(next, 2);
    expect(seen.slice(4)).toEqual(['two account-1 v3', 'two account-1 v4']);
  });

  it('what had been left out is done after all, but for what was done before it failed, and counts as handled', async () => {
    const started = await start(await stores.storage());
    const { subscriptions } = started;
    const record = recording(started.events);
    let isRepaired = false;
    const handle: Handle = async (_event, recorded, delivery) => {
      await count('first', recorded, delivery);
      if (!isRepaired) throw new Error('no such rule');
      await count('second', recorded, delivery);
    };
    await subscriptions.add(watching('fraud', handle, { outcomes: 'failures' }));
    const ids = await record('1', ...[1, 2, 3].map((it) => new Deposited(it)));
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
    await subscriptions.discard('fraud', 'all', { actor: 'ann' });
    await eventually(async () => (await subscriptions.parked('fraud')).length === 0);
    isRepaired = true;
    await subscriptions.replay('fraud', { event: ids[1]! });
    await through(started, 1);
    expect(await effects(started)).toEqual({
      'first account-1 v1': 1,
      'first account-1 v2': 1,
      'second account-1 v2': 1,
    });
    await subscriptions.handled('fraud', ids[1]!);
    for (const id of [ids[0]!, ids[2]!])
      await expect(subscriptions.handled('fraud', id)).rejects.toMatchObject({ reason: 'discarded' });
    await subscriptions.replay('fraud', { key: 'account-1' });
    await through(started, 2);
    const all = ['first', 'second'].flatMap((it) => [1, 2, 3].map((v) => [`${it} account-1 v${v}`, 1]));
    expect(await effects(started)).toEqual(Object.fromEntries(all));
    for (const id of ids) await subscriptions.handled('fraud', id);
    expect(await subscriptions.outcomes('fraud', { event: ids[0]! })).toMatchObject([
      { state: 'handled', replay: expect.any(String) },
    ]);
  });
});

describe('beside what comes', () => {
  const running: Subscriptions[] = [];
  afterEach(() => Promise.all(running.splice(0).map((it) => it.close())));
  async function started(handle: Handle, options: SubscriptionOptions = {}) {
    const { events, state } = await memory().open();
    const subscriptions = new Subscriptions({
      events,
      state,
      recorder: new Recorder(events, { source: 'test' }),
    });
    running.push(subscriptions);
    await subscriptions.add(watching('fraud', handle, options));
    return { events, state, subscriptions, record: recording(events) };
  }

  it('an event that fails again for good parks nothing and holds up nobody, and is told', async () => {
    const seen: string[] = [];
    let isBroken = false;
    const it = await started(
      (_event, recorded) => {
        if (isBroken && recorded.version < 3) throw new Error('gone');
        seen.push(place(recorded));
      },
      { outcomes: 'all', breaker: { keys: 1 } },
    );
    const ids = await it.record('1', new Deposited(1), new Deposited(2));
    await it.subscriptions.handled('fraud', ids[1]!);
    isBroken = true;
    await it.subscriptions.replay('fraud', { key: 'account-1' });
    await through(it, 1);
    const [id] = await it.record('1', new Deposited(3));
    await it.subscriptions.handled('fraud', id!);
    expect(await it.subscriptions.parked('fraud')).toEqual([]);
    expect((await it.subscriptions.status('fraud')).state).toBe('live');
    expect((await told(it)).at(-1)).toMatchObject({ type: 'replayed', handled: 0, failed: 2 });
    expect(await it.subscriptions.outcomes('fraud', { event: ids[0]! })).toMatchObject([
      { state: 'dead', attempts: 3, replay: expect.any(String), error: { message: 'gone' } },
    ]);
  });

  it('of one key one handler is at work at a time, whichever came first', async () => {
    let atWork = 0;
    let most = 0;
    const seen: string[] = [];
    const it = await started(async (_event, recorded) => {
      most = Math.max(most, ++atWork);
      await new Promise((wait) => setTimeout(wait, 15));
      atWork--;
      seen.push(place(recorded));
    });
    const ids = await it.record('1', new Deposited(1), new Deposited(2));
    await it.subscriptions.handled('fraud', ids[1]!);
    await it.subscriptions.replay('fraud', { key: 'account-1' });
    for (let i = 0; i < 6; i++) await it.record('1', new Deposited(i));
    await through(it, 1);
    await eventually(() => seen.length === 10);
    expect(most).toBe(1);
    // Each in its own order.
    expect(seen.filter((_place, i) => i > 1 && /v[12]$/.test(seen[i]!))).toEqual([
      'account-1 v1',
      'account-1 v2',
    ]);
    expect(seen.filter((at) => !/v[12]$/.test(at))).toEqual([3, 4, 5, 6, 7, 8].map((v) => `account-1 v${v}`));
  });

  it('a key that is let go while its event is handled again, and one that waits for that, stop nothing', async () => {
    const began: string[] = [];
    let go: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    const handle: Handle = (_event, recorded) => {
      began.push(place(recorded));
      if (recorded.version === 2) throw new Error('poison');
      return began.filter((at) => at === place(recorded)).length > 1 ? held : undefined;
    };
    const it = await started(handle, { retry: { attempts: 1 } });
    const ids = await it.record('1', new Deposited(1), new Deposited(2), new Deposited(3));
    const dead = () => it.subscriptions.parked('fraud', { states: ['dead'] });
    await eventually(async () => (await dead()).length === 1);
    await it.subscriptions.replay('fraud', { event: ids[0]! });
    await eventually(() => began.filter((at) => at === 'account-1 v1').length === 2);
    await it.subscriptions.retry('fraud', { key: 'account-1' });
    await eventually(async () => (await dead()).length === 0);
    await it.subscriptions.discard('fraud', { key: 'account-1' });
    await eventually(async () => (await it.subscriptions.parked('fraud')).length === 0);
    go();
    await through(it, 1);
    const next = await it.record('2', new Deposited(1));
    await it.subscriptions.handled('fraud', next[0]!);
    expect((await it.subscriptions.status('fraud')).state).toBe('live');
  });

  it('what is parked, or still to come, is left to its turn', async () => {
    const seen: string[] = [];
    const it = await started((_event, recorded) => {
      if (recorded.version === 2) throw new Error('poison');
      seen.push(place(recorded));
    });
    await it.record('1', new Deposited(1), new Deposited(2), new Deposited(3));
    await eventually(async () => (await it.subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
    await it.subscriptions.replay('fraud', { key: 'account-1' });
    await through(it, 1);
    expect(seen).toEqual(['account-1 v1', 'account-1 v1']);
    expect(await it.subscriptions.parked('fraud')).toMatchObject([{ state: 'dead', attempts: 3 }]);
  });

  it('while it is paused nothing is handled again', async () => {
    const seen: string[] = [];
    const it = await started((_event, recorded) => void seen.push(place(recorded)));
    const [id] = await it.record('1', new Deposited(1));
    await it.subscriptions.handled('fraud', id!);
    await it.subscriptions.pause('fraud');
    await eventually(async () => (await it.subscriptions.status('fraud')).members[0]?.state === 'paused');
    await it.subscriptions.replay('fraud', { event: id! });
    await new Promise((wait) => setTimeout(wait, 100));
    expect(seen).toHaveLength(1);
    await it.subscriptions.resume('fraud');
    await through(it, 1);
    expect(seen).toHaveLength(2);
  });

  it('what cannot be handled again is refused', async () => {
    const it = await started(() => undefined);
    await it.record('1', new Deposited(1));
    const recorder = new Recorder(it.events, { source: 'test' });
    const { ids } = await recorder.record([
      { stream: 'x-1', expected: 'any', events: [{ type: 'other', data: '{}' }] },
    ]);
    const { head } = await it.events.identity();
    for (const [which, says] of [
      [{}, 'must say what to handle again'],
      [{ from: 0 }, 'must be a position from 1 to'],
      [{ to: 99 }, 'must be a position from 1 to'],
      [
        { from: head + 1 },
        `from: must be a position from 1 to ${head}, the head of the log, not ${head + 1}.`,
      ],
      [{ from: 2, to: 1 }, 'must not be after to'],
      [{ event: ids[0]! }, 'is a other, which fraud does not handle'],
      [{ event: 'none' }, 'There is no event "none"'],
      [{ events: [] } as never, 'events'],
    ] as const)
      await expect(it.subscriptions.replay('fraud', which)).rejects.toThrow(says);
    await expect(it.subscriptions.replay('other', { from: 1 })).rejects.toMatchObject({
      code: 'BACKSTORY_SUBSCRIPTION_NOT_FOUND',
    });
  });
});
