import { Recorder, memory, type StateStore } from '@backstory/core';
import { LeaseHolder } from '@backstory/core/state';
import { Subscriptions, reaction, subscriber, type Outcome } from '@backstory/router';
import { OutcomeRetention } from './outcome-retention.js';
import { outcomeAt, readOutcome, writeOutcome } from './outcome.js';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { processes } from '../../../../test/support/subscribing.js';

const fails = new Set<number>();
const watching = (outcomes: 'none' | 'failures' | 'all') =>
  subscriber({
    name: 'fraud',
    outcomes,
    checkpointMs: 30,
    retry: { attempts: 2, delayMs: 10 },
    on: [
      reaction(
        Deposited,
        ({ amount }) => {
          if (fails.has(amount)) throw new Error(`no ${amount}`);
          return { sum: amount * 2 };
        },
        { name: 'first' },
      ),
      reaction(Deposited, async () => Promise.resolve(), { name: 'second' }),
      reaction(Withdrawn, () => 1, { name: 'never', when: () => false }),
    ],
  });

beforeEach(() => fails.clear());

describeEachStorage((stores) => {
  const start = processes(stores);

  it('keeps for each event and handler how often it was tried, what it gave and why it failed', async () => {
    const { events, subscriptions } = await start(await stores.storage());
    const record = recording(events);
    await subscriptions.add(watching('all'));
    fails.add(13);
    await record('1', new Deposited(5));
    const [unlucky] = await record('2', new Deposited(13), new Withdrawn(1));
    const dead = async () => (await subscriptions.outcomes('fraud', { states: ['dead'] }))[0];
    expect(await eventually(dead)).toMatchObject({
      eventId: unlucky,
      stream: 'account-2',
      eventType: 'account.deposited',
      key: 'account-2',
      handler: 'first',
      attempts: 2,
      reason: 'poison',
      error: { name: 'Error', message: 'no 13' },
    });
    fails.clear();
    await subscriptions.retry('fraud', 'all', { actor: 'ann' });
    await eventually(async () => !(await dead()));
    await eventually(async () => (await subscriptions.parked('fraud')).length === 0);
    const all = await subscriptions.outcomes('fraud');
    const told = all.map(({ stream, handler, state, attempts, result }) => [
      stream,
      handler,
      state,
      attempts,
      result,
    ]);
    // The latest event first, and what `when` kept out not at all.
    expect(told).toEqual([
      ['account-2', 'second', 'handled', 1, undefined],
      ['account-2', 'first', 'handled', 1, '{"sum":26}'],
      ['account-1', 'second', 'handled', 1, undefined],
      ['account-1', 'first', 'handled', 1, '{"sum":10}'],
    ]);
    for (const { startedAt, endedAt, durationMs } of all) {
      expect(Date.parse(endedAt)).toBeGreaterThanOrEqual(Date.parse(startedAt));
      expect(durationMs).toBeGreaterThanOrEqual(0);
    }
    expect(await subscriptions.outcomes('fraud', { event: unlucky! })).toEqual(all.slice(0, 2));
    expect(await subscriptions.outcomes('fraud', { after: all[1]!, limit: 1 })).toEqual([all[2]]);
    await expect(subscriptions.outcomes('fraud', { event: 'none' })).rejects.toMatchObject({
      code: 'BACKSTORY_EVENT_NOT_FOUND',
    });
    await expect(subscriptions.outcomes('other')).rejects.toMatchObject({
      code: 'BACKSTORY_SUBSCRIPTION_NOT_FOUND',
    });
  });

  it('of failures only: what failed and was handled in the end keeps its last error', async () => {
    const { events, subscriptions } = await start(await stores.storage());
    const record = recording(events);
    await subscriptions.add(watching('failures'));
    fails.add(13);
    await record('1', new Deposited(5));
    await record('2', new Deposited(13));
    const first = async () => (await subscriptions.outcomes('fraud'))[0];
    await eventually(async () => (await first())?.state === 'dead');
    fails.clear();
    await subscriptions.retry('fraud', 'all');
    await eventually(async () => (await first())?.state === 'handled');
    const outcomes = await subscriptions.outcomes('fraud');
    expect(outcomes).toMatchObject([{ stream: 'account-2', handler: 'first', error: { message: 'no 13' } }]);
  });

  it('an owner removes what is too old, also where nothing more is kept', async () => {
    const { state, subscriptions } = await start(await stores.storage());
    const collection = 'backstory.subscriptions/fraud/outcomes';
    await state.transaction([], (tx) => tx.putMany(collection, [row(1, 0), row(2, Date.now())]));
    await subscriptions.add(watching('none'));
    await eventually(async () => (await subscriptions.outcomes('fraud')).length === 1);
  });

  it('those that are too old or too many go, wherever they stand, and only what was seen', async () => {
    const { state } = await start(await stores.storage());
    const holder = new LeaseHolder(state);
    const lease = (await holder.acquire('first'))!;
    let now = 1_000_000;
    const keep = { maxAgeMs: 1_000, maxCount: 5 };
    const retention = new OutcomeRetention({
      ...{ state, collection: 'outcomes', keep, now: () => now, swept: 'swept' },
      read: (text) => ({ ...readOutcome(text), upTo: readOutcome(text).position }),
    });
    const ended = (at: number, ...positions: readonly number[]) =>
      state.transaction([], (tx) =>
        tx.putMany(
          'outcomes',
          positions.map((it) => row(it, at)),
        ),
      );
    await ended(now - 2_000, 2, 4);
    await ended(now, 1, 3, 5);
    expect(await retention.sweep(lease)).toBe(2);
    expect(await kept(state)).toEqual([1, 3, 5]);
    await ended(now, 6, 7, 8);
    expect(await retention.sweep(lease)).toBe(0);
    now += 60_000;
    await ended(now, 1, 3, 5, 6, 7, 8);
    expect(await retention.sweep(lease)).toBe(1);
    expect(await kept(state)).toEqual([3, 5, 6, 7, 8]);
    now += 60_000;
    await ended(now, 6, 7, 8);
    await ended(now - 2_000, 3, 5);
    const { transaction } = state;
    jest.spyOn(state, 'transaction').mockImplementationOnce(async (fences, work) => {
      await ended(now, 3);
      return transaction.call(state, fences, work as never);
    });
    expect(await retention.sweep(lease)).toBe(1);
    expect(await kept(state)).toEqual([3, 6, 7, 8]);
    await ended(now - 2_000, 3);
    await holder.release(lease);
    now += 60_000;
    await expect(retention.sweep(lease)).rejects.toMatchObject({ code: 'BACKSTORY_FENCE_LOST' });
    await holder.close();
  });
});

it('nothing is kept unless it is wanted, and what is wanted is checked', async () => {
  const { events, state } = await memory().open();
  const subscriptions = new Subscriptions({
    events,
    state,
    recorder: new Recorder(events, { source: 'test' }),
  });
  await subscriptions.add(watching('none'));
  await recording(events)('1', new Deposited(5));
  await eventually(async () => (await subscriptions.status('fraud')).lag.seconds === 0);
  await subscriptions.close();
  expect(await subscriptions.outcomes('fraud')).toEqual([]);
  await expect(subscriptions.add(watching('some' as never))).rejects.toMatchObject({
    code: 'BACKSTORY_INVALID_OPTION',
  });
});

function row(position: number, at: number) {
  const endedAt = new Date(at).toISOString();
  const outcome: Outcome = {
    ...{ state: 'handled', eventId: 'e', position, stream: 's-1', eventType: 't', key: 's-1', handler: 'h' },
    ...{ attempts: 1, startedAt: endedAt, endedAt, durationMs: 0 },
  };
  return { key: outcomeAt(outcome), value: writeOutcome(outcome) };
}

async function kept(state: StateStore): Promise<number[]> {
  return (await state.read((view) => view.list('outcomes'))).map(({ key }) => Number(key.slice(0, 16)));
}
