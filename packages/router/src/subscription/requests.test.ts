import type { EventStore } from '@backstory/core';
import type { SubscriptionAdmin } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, processes, watching } from '../../../../test/support/subscribing.js';

const REQUESTS = 'backstory.subscriptions/fraud/requests';

/** What was asked for a key that was not there any more, as it is recorded. */
async function voided(events: EventStore): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const page of events.readStream('_system-fraud'))
    for (const { type, data } of page.events)
      if (type === 'subscription.request-void') all.push(JSON.parse(data));
  return all;
}

const dead = (admin: SubscriptionAdmin, cursor: number) =>
  eventually(async () => {
    const [parked] = await admin.parked('fraud', { states: ['dead'] });
    return parked?.cursor === cursor && parked;
  });

describeEachStorage((stores) => {
  const start = processes(stores);

  /** Three events of one key, of which the first two fail while it is not repaired; the first one is dead, and nobody runs it. */
  async function parkedKey() {
    const storage = await stores.storage();
    const [owner, desk] = [await start(storage), await start(storage)];
    const seen: string[] = [];
    const broken = new Set([1, 2]);
    const watcher = watching('fraud', ({ amount }, recorded) => {
      if (broken.has(amount)) throw new Error('no such rule');
      seen.push(`${place(recorded)} ${amount}`);
    });
    await recording(owner.events)('1', ...[1, 2, 3].map((it) => new Deposited(it)));
    await owner.subscriptions.add(watcher);
    await dead(desk.subscriptions, 1);
    await owner.subscriptions.remove('fraud');
    return {
      seen,
      broken,
      events: owner.events,
      state: owner.state,
      desk: desk.subscriptions,
      run: () => owner.subscriptions.add(watcher),
    };
  }

  it.each([
    ['an actor without a name', { actor: '' }, 'actor: must be 1 to'],
    [
      'a reason that is too long',
      { actor: 'ann', reason: 'x'.repeat(2_001) },
      'reason: must be a text of 2000',
    ],
    ['a misspelt option', { reson: 'typo' } as never, 'reson: is no option'],
  ])('%s is refused, whatever is asked for, and nothing is done', async (_what, by, said) => {
    const { events, state, desk } = await parkedKey();
    const { head } = await events.identity();
    const one = { key: 'account-1' };
    for (const ask of [
      () => desk.pause('fraud', by),
      () => desk.resume('fraud', by),
      () => desk.reset('fraud', 'now', by),
      () => desk.retry('fraud', one, by),
      () => desk.skip('fraud', 'all', by),
      () => desk.discard('fraud', one, by),
      () => desk.edit('fraud', { ...one, data: '{"amount":7}' }, by),
      () => desk.replay('fraud', { from: 1 }, by),
    ])
      await expect(ask()).rejects.toMatchObject({
        code: 'BACKSTORY_INVALID_OPTION',
        message: expect.stringContaining(said),
      });
    expect((await events.identity()).head).toBe(head);
    expect(await state.read((view) => view.list(REQUESTS))).toEqual([]);
    expect((await desk.status('fraud')).state).not.toBe('paused');
  });

  it.each(['[1]', 'null', '7', '{', ''])('edited data are an object: %p is refused', async (data) => {
    const { state, desk } = await parkedKey();
    await expect(desk.edit('fraud', { key: 'account-1', data })).rejects.toMatchObject({ option: 'data' });
    expect(await state.read((view) => view.list(REQUESTS))).toEqual([]);
  });

  it('two who skip the same event leave out that one, and not the next one too', async () => {
    const { seen, events, desk, run } = await parkedKey();
    await desk.skip('fraud', { key: 'account-1' }, { actor: 'ann' });
    await desk.skip('fraud', { key: 'account-1' }, { actor: 'ben' });
    await run();
    await eventually(async () => (await voided(events)).length > 0);
    await dead(desk, 2);
    expect(await voided(events)).toMatchObject([{ action: 'skip', key: 'account-1', position: 1 }]);
    expect(seen).toEqual([]);
  });

  it('other data, and leaving out what waits, are for the event they were asked for; trying again is for whatever the key stands at', async () => {
    const { seen, broken, events, state, desk, run } = await parkedKey();
    broken.delete(1);
    await desk.retry('fraud', { key: 'account-1' }, { actor: 'ann' });
    await desk.edit('fraud', { key: 'account-1', data: '{"amount":7}' }, { actor: 'ben' });
    await desk.discard('fraud', { key: 'account-1' }, { actor: 'ben' });
    await desk.retry('fraud', { key: 'account-1' }, { actor: 'ben' });
    await run();
    await eventually(async () => (await state.read((view) => view.count(REQUESTS))) === 0);
    await dead(desk, 2);
    broken.clear();
    await desk.retry('fraud', { key: 'account-1' }, { actor: 'ann' });
    await eventually(async () => (await desk.parked('fraud')).length === 0);
    expect(seen).toEqual(['account-1 v1 1', 'account-1 v2 2', 'account-1 v3 3']);
    await eventually(async () => (await voided(events)).length >= 2);
    expect(await voided(events)).toMatchObject([{ action: 'edit' }, { action: 'discard' }]);
  });

  it('a request is seen behind any number that wait for others', async () => {
    const storage = await stores.storage();
    const { events, state, subscriptions } = await start(storage);
    const handled = jest.fn();
    let isBroken = true;
    const watcher = watching('fraud', () => {
      if (isBroken) throw new Error('no such rule');
      handled();
    });
    await subscriptions.add(watcher);
    await recording(events)('1', new Deposited(1));
    await dead(subscriptions, 1);
    isBroken = false;
    const value = JSON.stringify({
      format: 'backstory.parked-request/1',
      action: 'retry',
      key: 'x',
      actor: 'ann',
      at: '',
    });
    // Of a partition that nobody has: so they stay.
    const rows = Array.from({ length: 2_500 }, (_, i) => ({ key: `-1/${i}`, value }));
    await state.transaction([], (tx) => tx.putMany(REQUESTS, rows));
    await subscriptions.retry('fraud', { key: 'account-1' }, { actor: 'ann' });
    await eventually(() => handled.mock.calls.length === 1);
  });

  it.each(['skip', 'discard'] as const)(
    'what is to be left out in a pause (%s) is not tried again after it',
    async (action) => {
      const storage = await stores.storage();
      const [owner, desk] = [await start(storage), (await start(storage)).subscriptions];
      const seen: string[] = [];
      let fail: (error: Error) => void = () => undefined;
      const failing = new Promise<never>((_, reject) => (fail = reject));
      const handle = (event: { readonly amount: number }, recorded: Parameters<typeof place>[0]) => {
        seen.push(place(recorded));
        return event.amount === 1 ? failing : undefined;
      };
      await owner.subscriptions.add(watching('fraud', handle, { retry: { attempts: 5, delayMs: 20 } }));
      const record = recording(owner.events);
      await record('1', new Deposited(1));
      await eventually(() => seen.length === 1);
      await owner.subscriptions.pause('fraud');
      await eventually(async () => (await desk.status('fraud')).members[0]?.state === 'paused');
      fail(new Error('x'));
      const [parked] = await eventually(async () => {
        const found = await desk.parked('fraud');
        return found.length > 0 && found;
      });
      // By then it is ready.
      await eventually(() => Date.now() > Date.parse(parked!.dueAt!) + 50);
      await desk[action]('fraud', { key: 'account-1' });
      await desk.resume('fraud');
      await eventually(async () => (await desk.parked('fraud')).length === 0);
      await record('1', new Deposited(2));
      await eventually(() => seen.includes('account-1 v2'));
      expect(seen).toEqual(['account-1 v1', 'account-1 v2']);
    },
  );
});
