import { reaction, subscriber, type SubscriptionOptions } from '@backstory/router';
import { Router, type Rule } from '@backstory/router/bus';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, processes } from '../../../../test/support/subscribing.js';

const LARGE: Rule = {
  name: 'large',
  source: Deposited,
  condition: ({ data }) => (data as Deposited).amount > 100,
  target: 'desk',
};
const OPTIONS: SubscriptionOptions = {
  retry: { attempts: 2, delayMs: 20 },
  checkpointMs: 20,
  outcomes: 'all',
};

describeEachStorage((stores) => {
  const start = processes(stores);

  it('rules come and go while events are under way: what is parked goes by those of its next attempt, and leaves nothing that says it failed', async () => {
    const { events, subscriptions } = await start(await stores.storage());
    const router = new Router([LARGE]);
    const seen: string[] = [];
    let isBroken = true;
    const handle = (_event: object, recorded: Parameters<typeof place>[0]) => {
      if (isBroken) throw new Error('no such rule');
      seen.push(place(recorded));
    };
    const when = router.into('desk');
    const on = [reaction(Deposited, handle, { name: 'watch', when })];
    await subscriptions.add(subscriber({ name: 'fraud', on, ...OPTIONS }));
    const record = recording(events);
    const [first] = await record('1', ...[500, 5, 600].map((it) => new Deposited(it)));
    const [second] = await record('2', new Deposited(700));
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 2);

    router.remove('large');
    await subscriptions.retry('fraud', { key: 'account-1' }, { actor: 'ann' });
    // Until the retry is carried out, the key is parked.
    await eventually(async () => (await subscriptions.parked('fraud')).length === 1);
    await subscriptions.handled('fraud', first!);
    expect(await subscriptions.outcomes('fraud', { event: first! })).toEqual([]);
    expect(await subscriptions.outcomes('fraud', { event: second! })).toMatchObject([{ state: 'dead' }]);

    isBroken = false;
    router.add(LARGE);
    await subscriptions.retry('fraud', 'all', { actor: 'ann' });
    await record('1', new Deposited(800));
    await eventually(() => seen.length === 2);
    expect(seen.sort()).toEqual(['account-1 v4', 'account-2 v1']);
  });

  it('a parked key whose handlers are gone from the code goes on with what others handle, and its event is nobody’s', async () => {
    const storage = await stores.storage();
    const { events, subscriptions } = await start(storage);
    const on = (cls: typeof Deposited | typeof Withdrawn, handle: Parameters<typeof reaction>[1]) =>
      reaction(cls, handle as never, { name: 'watch' });
    const broken = on(Deposited, () => {
      throw new Error('no such rule');
    });
    const none = on(Withdrawn, () => undefined);
    await subscriptions.add(subscriber({ name: 'fraud', on: [broken, none], ...OPTIONS }));
    await recording(events)('1', new Deposited(5), new Withdrawn(1), new Deposited(2), new Withdrawn(3));
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
    await subscriptions.remove('fraud');

    const next = await start(storage);
    const seen: string[] = [];
    const watch = on(Withdrawn, (_event, recorded) => void seen.push(place(recorded)));
    await next.subscriptions.add(subscriber({ name: 'fraud', on: [watch], ...OPTIONS }));
    await recording(events)('1', new Withdrawn(4));
    await recording(events)('2', new Withdrawn(1));
    await eventually(() => seen.length === 1);
    await next.subscriptions.retry('fraud', { key: 'account-1' }, { actor: 'ann' });
    await eventually(async () => (await next.subscriptions.parked('fraud')).length === 0);
    expect(seen).toEqual(['account-2 v1', 'account-1 v2', 'account-1 v4', 'account-1 v5']);
  });
});
