import type { OpenStorage, StateStore } from '@backstory/core';
import { LeaseHolder } from '@backstory/core/state';
import { reaction, subscriber, type SubscriptionOptions } from '@backstory/router';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { anEvent, record } from '../../../../test/support/sqlite-files.js';
import { eventually } from '../../../../test/support/eventually.js';
import { processes } from '../../../../test/support/subscribing.js';
import { collectionsOf } from './collections.js';
import { register } from './control.js';
import { sweeperOf } from './outcome-retention.js';

const collections = collectionsOf('fraud');
const { outcomes } = collections;
const settings = { checkpointMs: 30, retry: { attempts: 1, delayMs: 10 } };
/** Withdrawals are for nobody, so nothing is known of them. */
const fraud = (options: SubscriptionOptions = {}, handle: (amount: number) => void = () => undefined) =>
  subscriber({
    ...{ name: 'fraud', outcomes: 'all', ...settings, ...options },
    on: [
      reaction(Deposited, ({ amount }) => handle(amount), { name: 'first' }),
      reaction(Withdrawn, () => 1, { name: 'never', when: () => false }),
    ],
  });

type Started = Pick<OpenStorage, 'events' | 'state'> & Awaited<ReturnType<ReturnType<typeof processes>>>;

async function through({ subscriptions, events }: Started): Promise<void> {
  await subscriptions.handled('fraud', (await events.identity()).head);
}

/** As a defect would, or somebody in the database. */
async function loseOutcome(state: StateStore, position: number): Promise<void> {
  const rows = await state.read((view) => view.list(outcomes));
  const key = rows.map((it) => it.key).find((it) => Number.parseInt(it, 10) === position)!;
  await state.transaction([], (tx) => tx.delete(outcomes, key));
}

async function missing({ subscriptions }: Started, after?: number) {
  const positions: number[] = [];
  const found = await subscriptions.accountFor('fraud', {
    ...(after !== undefined && { after }),
    onMissing: ({ position }) => positions.push(position),
  });
  expect(found.missing).toBe(positions.length);
  return { ...found, positions };
}

describeEachStorage((stores) => {
  const start = processes(stores);

  it('what was passed without an outcome is found; what is for nobody, waits or was left out is not', async () => {
    const it = await start(await stores.storage());
    const handle = (amount: number) => {
      if (amount === 13) throw new Error('no luck');
    };
    await it.subscriptions.add(fraud({}, handle));
    const record = recording(it.events);
    await record('1', new Deposited(1), new Withdrawn(1), new Deposited(2));
    await record('2', new Deposited(13), new Deposited(4));
    await record('3', new Deposited(13), new Deposited(6));
    await eventually(async () => (await it.subscriptions.status('fraud')).parked.dead === 2);
    await it.subscriptions.discard('fraud', { key: 'account-3' }, { actor: 'ann' });
    await eventually(async () => (await it.subscriptions.status('fraud')).parked.dead === 1);
    const { head } = await it.events.identity();
    await eventually(async () => (await it.subscriptions.status('fraud')).position >= head);
    // Of two that wait behind a parked key, and of one that was discarded with its key, there is no outcome.
    expect(await missing(it)).toMatchObject({ missing: 0, examined: 6 });
    const [, , third] = await positionsOf(it, 'account-1');
    await loseOutcome(it.state, third!);
    expect(await missing(it)).toMatchObject({ positions: [third] });
    expect(await missing(it, third)).toMatchObject({ positions: [] });
    await it.subscriptions.replay('fraud', { from: third!, to: third! });
    await eventually(async () => (await missing(it)).missing === 0);
  });

  it('is from when all outcomes are kept, and of other types from when these are handled', async () => {
    const storage = await stores.storage();
    const before = await start(storage);
    const record = recording(before.events);
    await record('1', new Deposited(1));
    await before.subscriptions.add(fraud({ outcomes: 'failures' }));
    await through(before);
    expect(await missing(before)).toEqual({
      ...{ examined: 0, missing: 0, positions: [] },
      why: 'it does not keep all outcomes',
    });
    await before.subscriptions.close();

    const kept = await start(storage);
    await kept.subscriptions.add(fraud());
    await record('1', new Deposited(2));
    await through(kept);
    expect(await missing(kept)).toMatchObject({ examined: 1, missing: 0 });
    await kept.subscriptions.close();

    const more = await start(storage);
    const on = [Deposited, Withdrawn].map((event) =>
      reaction<object>(event as never, () => undefined, { name: 'all' }),
    );
    await more.subscriptions.add(subscriber({ name: 'fraud', outcomes: 'all', ...settings, on }));
    await record('1', new Withdrawn(1));
    await through(more);
    expect(await missing(more)).toMatchObject({ examined: 1, missing: 0 });
    await loseOutcome(more.state, (await positionsOf(more, 'account-1')).at(-1)!);
    expect(await missing(more)).toMatchObject({ examined: 1, missing: 1 });
  });

  it('is of nothing that an owner with older code deals with, which does not keep what is asked', async () => {
    const older = await start(await stores.storage());
    await older.subscriptions.add(fraud());
    await register(older.state, 'fraud', {
      ...{ start: 0, keyed: 'stream', types: ['account.deposited', 'account.withdrawn'] },
      accounted: ['account.deposited', 'account.withdrawn'],
    });
    await recording(older.events)('1', new Withdrawn(1));
    await through(older);
    expect(await missing(older)).toMatchObject({ examined: 0, missing: 0 });
  });

  it('says nothing of what retention has removed, and of what a reset has handled anew', async () => {
    const it = await start(await stores.storage());
    await it.subscriptions.add(fraud());
    const record = recording(it.events);
    await record('1', ...[1, 2, 3, 4, 5].map((amount) => new Deposited(amount)));
    await through(it);
    expect(await missing(it)).toMatchObject({ examined: 5, missing: 0 });
    const holder = new LeaseHolder(it.state);
    const sweep = sweeperOf(it.state, collections, { maxAgeMs: 60_000, maxCount: 2 });
    await sweep((await holder.acquire('sweeper'))!);
    await holder.close();
    expect(await missing(it)).toMatchObject({ examined: 2, missing: 0 });
    await it.subscriptions.reset('fraud', 'now', { actor: 'ann' });
    await record('1', new Deposited(6));
    await through(it);
    expect(await missing(it)).toMatchObject({ examined: 1, missing: 0 });
  });

  it('is of events of the framework as well, where the subscription handles these', async () => {
    const it = await start(await stores.storage());
    await it.subscriptions.add(fraud({ includeSystem: true }));
    await record(it.events, '_accounts', { ...anEvent('account.deposited'), data: '{"amount":1}' });
    await through(it);
    expect(await missing(it)).toMatchObject({ examined: 1, missing: 0 });
    const [position] = await positionsOf(it, '_accounts');
    await loseOutcome(it.state, position!);
    expect(await missing(it)).toMatchObject({ positions: [position] });
  });

  it('is not said where only the code of the subscription knows its keys', async () => {
    const it = await start(await stores.storage());
    await it.subscriptions.add(fraud({ key: ({ metadata }) => metadata.source }));
    await recording(it.events)('1', new Deposited(1));
    await through(it);
    expect(await missing(it)).toMatchObject({ examined: 0, why: 'only its own code knows its keys' });
  });
});

async function positionsOf({ events }: Started, stream: string): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const page of events.readStream(stream)) found.push(...page.events.map((it) => it.position));
  return found;
}
