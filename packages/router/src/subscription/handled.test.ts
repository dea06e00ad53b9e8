import { Recorder, StoreUnavailable, memory } from '@backstory/core';
import type { NotHandled } from '@backstory/router';
import { SubscriptionAdmin, findEvent, reaction, subscriber, Subscriptions } from '@backstory/router';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, processes, watching } from '../../../../test/support/subscribing.js';

const code = (reason: string) => ({ code: 'BACKSTORY_NOT_HANDLED', reason });

describeEachStorage((stores) => {
  const start = processes(stores);
  afterEach(() => jest.restoreAllMocks());

  it('resolves when it is handled, whichever process does it, and for what is none of its business', async () => {
    const storage = await stores.storage();
    const [owner, desk] = [await start(storage), await start(storage)];
    const record = recording(owner.events);
    const seen: string[] = [];
    const only = subscriber({
      name: 'fraud',
      checkpointMs: 50,
      on: [reaction(Withdrawn, (_event, recorded) => void seen.push(place(recorded)))],
    });
    await owner.subscriptions.add(only);
    const [deposited, withdrawn] = await record('1', new Deposited(5), new Withdrawn(2));
    for (const { subscriptions } of [desk, owner]) {
      await subscriptions.handled('fraud', withdrawn!);
      expect(seen).toEqual(['account-1 v2']);
      await subscriptions.handled('fraud', deposited!);
    }
    const last = await record('2', new Withdrawn(1), new Withdrawn(2), new Deposited(3));
    const { head } = await desk.events.identity();
    await desk.subscriptions.handled('fraud', head);
    expect(seen).toHaveLength(3);
    // Many wait together, and each is told.
    await Promise.all(last.map((id) => desk.subscriptions.handled('fraud', id)));
  });

  it('is refused for what is parked, and what waits behind it; for what is tried again it waits', async () => {
    const storage = await stores.storage();
    const [owner, desk] = [await start(storage), await start(storage)];
    const record = recording(owner.events);
    let isRepaired = false;
    const fails = watching('fraud', (_event, { stream, version }) => {
      if (stream === 'account-1' && version === 2 && !isRepaired) throw new Error('no such rule');
    });
    await owner.subscriptions.add(fails);
    const ids = await record('1', new Deposited(1), new Deposited(2), new Deposited(3));
    const [other] = await record('2', new Deposited(4));
    const { head } = await owner.events.identity();
    await desk.subscriptions.handled('fraud', ids[0]!);
    await desk.subscriptions.handled('fraud', other!);
    for (const what of [ids[1]!, ids[2]!, head])
      await expect(desk.subscriptions.handled('fraud', what)).rejects.toMatchObject({
        ...code('parked'),
        message: expect.stringMatching(
          `account-1 is parked at event ${ids[1]} .position \\d+.: no such rule`,
        ),
      });
    const { position } = await findEvent(desk.events, ids[0]!);
    await desk.subscriptions.handled('fraud', position);
    isRepaired = true;
    await desk.subscriptions.retry('fraud', 'all');
    await eventually(
      async () => (await desk.subscriptions.parked('fraud', { states: ['dead'] })).length === 0,
    );
    await desk.subscriptions.handled('fraud', ids[2]!);
    await desk.subscriptions.handled('fraud', head);
  });

  it('is refused for what somebody left out, and for nothing else', async () => {
    const { events, state, subscriptions } = await start(await stores.storage());
    const record = recording(events);
    const fails = watching(
      'fraud',
      (_event, { version }) => {
        if (version > 1) throw new Error('no such rule');
      },
      { outcomes: 'failures' },
    );
    await subscriptions.add(fails);
    const skipped = await record('1', new Deposited(1), new Deposited(2));
    const discarded = await record('2', new Deposited(1), new Deposited(2), new Deposited(3));
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 2);
    await subscriptions.skip('fraud', { key: 'account-1' }, { actor: 'ann', reason: 'twice' });
    await subscriptions.discard('fraud', { key: 'account-2' }, { actor: 'bob' });
    await eventually(async () => (await subscriptions.parked('fraud')).length === 0);
    await expect(subscriptions.handled('fraud', skipped[1]!)).rejects.toMatchObject({
      ...code('skipped'),
      message: expect.stringMatching(/it was skipped by ann at \S+: twice/),
    });
    for (const id of discarded.slice(1))
      await expect(subscriptions.handled('fraud', id)).rejects.toMatchObject(code('discarded'));
    await subscriptions.handled('fraud', skipped[0]!);
    await subscriptions.handled('fraud', discarded[0]!);
    await subscriptions.handled('fraud', (await events.identity()).head);
    expect(await subscriptions.outcomes('fraud')).toMatchObject([
      { state: 'discarded', stream: 'account-2', attempts: 3, decision: { actor: 'bob' } },
      { state: 'skipped', stream: 'account-1', attempts: 3, decision: { actor: 'ann', reason: 'twice' } },
    ]);
    // A reset delivers them again, and then they were not left out.
    await subscriptions.reset('fraud', 'now');
    await subscriptions.handled('fraud', discarded[2]!);
    const leftOut = () => state.read((view) => view.count('backstory.subscriptions/fraud/left-out'));
    await eventually(async () => (await leftOut()) === 0);
  });

  it('what waits on an outage of the state store goes on when it is over', async () => {
    const storage = await stores.storage();
    const [owner, desk] = [await start(storage), await start(storage)];
    await owner.subscriptions.add(watching('fraud', () => undefined));
    await owner.subscriptions.pause('fraud');
    await owner.subscriptions.resume('fraud');
    const waiting = desk.subscriptions.handled('fraud', 1);
    const down = jest.spyOn(desk.state, 'read').mockRejectedValue(new StoreUnavailable('it', 'down'));
    await eventually(() => down.mock.calls.length > 2);
    down.mockRestore();
    await recording(owner.events)('1', new Deposited(1));
    await waiting;
  });
});

describe('without a store of its own', () => {
  const running: Subscriptions[] = [];
  afterEach(() => Promise.all(running.splice(0).map((it) => it.close())));
  async function started(options: Parameters<typeof watching>[2] = {}, handle = (): unknown => undefined) {
    const { events, state } = await memory().open();
    const recorder = new Recorder(events, { source: 'test' });
    const subscriptions = new Subscriptions({ events, state, recorder });
    running.push(subscriptions);
    await subscriptions.add(watching('fraud', handle, options));
    const admin = new SubscriptionAdmin({ events, state, recorder });
    return { events, state, subscriptions, admin, record: recording(events) };
  }

  it('is refused while it is paused or faulted, and says by whom or why', async () => {
    const { subscriptions, events, state, record } = await started();
    await subscriptions.pause('fraud', { actor: 'ann', reason: 'audit' });
    await eventually(async () => (await subscriptions.status('fraud')).members[0]?.state === 'paused');
    const [id] = await record('1', new Deposited(1));
    const paused = {
      ...code('paused'),
      message: expect.stringMatching(/paused by ann at \S+: audit\. Resume it/),
    };
    await expect(subscriptions.handled('fraud', id!)).rejects.toMatchObject(paused);
    const { position } = await findEvent(events, id!);
    await expect(subscriptions.handled('fraud', position)).rejects.toMatchObject(paused);
    await subscriptions.resume('fraud');
    await subscriptions.handled('fraud', id!);
    await subscriptions.close();
    const other = await memory().open();
    const recorder = new Recorder(other.events, { source: 'test' });
    const next = new Subscriptions({ events: other.events, state, recorder });
    running.push(next);
    await next.add(watching('fraud', () => undefined));
    const [anew] = await recording(other.events)('1', new Deposited(1));
    await expect(next.handled('fraud', anew!)).rejects.toMatchObject({
      ...code('faulted'),
      message: expect.stringContaining('not the one this checkpoint was taken from'),
    });
  });

  it('time and signal end the waiting, and the time says what it was waiting for', async () => {
    const { subscriptions, admin, record } = await started(
      { stopTimeoutMs: 10 },
      () => new Promise(() => undefined),
    );
    const [id] = await record('1', new Deposited(1));
    // Its process says now and then how it is doing.
    await eventually(async () => (await admin.status('fraud')).state === 'catching-up');
    // What it waits for is known after a look, which may take longer than that.
    const outOfTime = (detail: string) =>
      eventually(async () => {
        const refused: unknown = await admin.handled('fraud', id!, { timeoutMs: 300 }).catch((it) => it);
        expect(refused).toMatchObject(code('time-out'));
        return (refused as NotHandled).detail === detail;
      });
    await outOfTime('it is catching-up');
    const stop = new AbortController();
    const waiting = admin.handled('fraud', id!, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(admin.handled('fraud', id!, { signal: stop.signal })).rejects.toThrow('enough');
    await subscriptions.close();
    await outOfTime('it is stopped');
  });

  it('a key of its own is known where the subscription runs; elsewhere a position can be waited for', async () => {
    const { events, subscriptions, admin, record } = await started({ key: () => 'all' });
    const [id] = await record('1', new Deposited(1));
    await subscriptions.handled('fraud', id!);
    await expect(admin.handled('fraud', id!)).rejects.toMatchObject({
      ...code('key-unknown'),
      message: expect.stringMatching(/wait for a position: its position is \d+\./),
    });
    await admin.handled('fraud', (await findEvent(events, id!)).position);
    await subscriptions.remove('fraud');
    await subscriptions.handled('fraud', id!);
  });

  it('what is tried again is waited for, also by position', async () => {
    let isHandled = false;
    const handle = (_event: unknown, recorded: unknown, { attempt }: { readonly attempt: number }) => {
      if (attempt < 2) throw new Error('not yet');
      isHandled = true;
    };
    const { subscriptions, admin, events, record } = await started(
      { retry: { delayMs: 300 } },
      handle as never,
    );
    const [id] = await record('1', new Deposited(1));
    await eventually(async () => (await subscriptions.status('fraud')).parked.retrying === 1);
    await admin.handled('fraud', (await findEvent(events, id!)).position);
    expect(isHandled).toBe(true);
  });

  it('what cannot be waited for is refused', async () => {
    const { admin } = await started();
    for (const [name, what, options, refused] of [
      ['other', 1, {}, 'BACKSTORY_SUBSCRIPTION_NOT_FOUND'],
      ['fraud', 'none', {}, 'BACKSTORY_EVENT_NOT_FOUND'],
      ['fraud', -1, {}, 'BACKSTORY_INVALID_OPTION'],
      ['fraud', 1, { timeoutMs: 0 }, 'BACKSTORY_INVALID_OPTION'],
      ['fraud', 1, { timeout: 5 } as never, 'BACKSTORY_INVALID_OPTION'],
    ] as const)
      await expect(admin.handled(name, what, options)).rejects.toMatchObject({ code: refused });
  });
});
