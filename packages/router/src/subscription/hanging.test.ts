import type { StateStore } from '@backstory/core';
import {
  DeliveryEnded,
  batchReaction,
  subscriber,
  type BatchDelivery,
  type SubscriptionOptions,
} from '@backstory/router';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, processes, watching } from '../../../../test/support/subscribing.js';

const hanging = () => new Promise<never>(() => undefined);
const SHORT: SubscriptionOptions = { timeoutMs: 50, retry: { attempts: 2, delayMs: 10 } };

/** The next transaction does not begin before that. */
function holdNext(state: StateStore, until: Promise<void>): void {
  const transaction = state.transaction.bind(state);
  jest.spyOn(state, 'transaction').mockImplementationOnce(async (...asked) => {
    await until;
    return transaction(...asked);
  });
}

describeEachStorage((stores) => {
  const start = processes(stores);
  const hurried = processes(stores, 900);
  afterEach(() => jest.restoreAllMocks());

  it('what is done once and hangs is given up with its attempt: its key is parked, and everybody else writes', async () => {
    const { events, state, subscriptions } = await start(await stores.storage());
    const record = recording(events);
    const seen: string[] = [];
    const hangs = watching('fraud', (_event, recorded, { once }) => once(recorded, hanging), SHORT);
    await subscriptions.add(hangs);
    await subscriptions.add(
      watching('others', async (_event, recorded, { once }) => {
        await once(recorded, (tx) => tx.put('seen', recorded.stream, 'yes'));
        seen.push(place(recorded));
      }),
    );
    await record('1', new Deposited(1));
    await eventually(async () => {
      const [parked] = await subscriptions.parked('fraud', { states: ['dead'] });
      return parked?.key === 'account-1' && parked.reason === 'time-out' && parked.attempts === 2;
    });
    await record('1', new Deposited(2));
    await eventually(() => seen.length === 2);
    expect(await state.read((view) => view.count('seen'))).toBe(1);
  });

  it('so it is where several events are handled at once', async () => {
    const { events, subscriptions } = await start(await stores.storage());
    const handle = async (_batch: unknown, { once }: BatchDelivery) => void (await once(hanging));
    const on = [batchReaction([Deposited, Withdrawn], handle, { name: 'watch', size: 5 })];
    await subscriptions.add(subscriber({ name: 'fraud', on, checkpointMs: 50, ...SHORT }));
    await recording(events)('1', new Deposited(1));
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
  });

  it('what a handler did not wait for is done when the handler has ended well', async () => {
    const { events, state, subscriptions } = await start(await stores.storage());
    let go: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    let isHandled = false;
    let isBegun = false;
    await subscriptions.add(
      watching('fraud', async (_event, recorded, { once, signal }) => {
        signal.addEventListener('abort', () => (isHandled = true));
        void once(recorded, async (tx) => {
          isBegun = true;
          await held;
          await tx.put('seen', recorded.stream, 'yes');
        });
        await eventually(() => isBegun);
      }),
    );
    await recording(events)('1', new Deposited(1));
    await eventually(() => isHandled);
    go();
    await eventually(() => state.read((view) => view.get('seen', 'account-1')));
  });

  it.each([
    ['rejects', (): unknown => Promise.reject(new Error('no such rule'))],
    [
      'throws',
      (): unknown => {
        throw new Error('no such rule');
      },
    ],
  ])(
    'what a handler did not wait for that %s is given up with it: the next attempt does it, and it alone',
    async (_, fail) => {
      const { events, state, subscriptions } = await start(await stores.storage());
      const record = recording(events);
      let letGo: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (letGo = resolve));
      let calls = 0;
      let givenUp: Promise<unknown> | undefined;
      await subscriptions.add(
        watching('fraud', (_event, recorded, { once }) => {
          const isFirst = ++calls === 1;
          if (isFirst) holdNext(state, held);
          const done = once(recorded, (tx) => tx.put('seen', `${place(recorded)} ${calls}`, 'yes'));
          if (!isFirst) return done;
          givenUp = done.catch((error: unknown) => error);
          return fail();
        }),
      );
      await record('1', new Deposited(1));
      const count = (collection: string) => state.read((view) => view.count(collection));
      await eventually(async () => (await count('seen')) === 1);
      await eventually(async () => (await count('backstory.subscriptions/fraud/once')) === 0);
      letGo();
      expect(await givenUp).toMatchObject({ code: 'BACKSTORY_DELIVERY_ENDED', reason: 'it has failed' });
      expect(await count('seen')).toBe(1);
    },
  );

  it('what hangs in it for longer than a lease lasts is parked, however many keys it is of', async () => {
    const { events, state, subscriptions } = await hurried(await stores.storage());
    const record = recording(events);
    const bad = ['1', '2', '3'];
    const run = watching(
      'fraud',
      (_event, recorded, { once }) =>
        once(recorded, async (tx) =>
          bad.includes(recorded.stream.slice('account-'.length))
            ? hanging()
            : tx.put('seen', recorded.stream, 'yes'),
        ),
      { ...SHORT, timeoutMs: 1_200, breaker: { keys: 1_000 } },
    );
    await subscriptions.add(run);
    for (const id of [...bad, '4']) await record(id, new Deposited(1));
    const parked = await eventually(async () => {
      const dead = await subscriptions.parked('fraud', { states: ['dead'] });
      return dead.length === bad.length && dead;
    });
    expect(parked.map(({ reason, attempts }) => [reason, attempts])).toEqual(bad.map(() => ['time-out', 2]));
    await eventually(() => state.read((view) => view.get('seen', 'account-4')));
  });

  it('who waits for the writer meanwhile has its own time afterwards', async () => {
    const { events, subscriptions } = await start(await stores.storage());
    let isHeld = false;
    const hangs = watching(
      'fraud',
      (_event, recorded, { once }) => once(recorded, () => ((isHeld = true), hanging())),
      { timeoutMs: 1_500, retry: { attempts: 1 } },
    );
    const others = watching(
      'others',
      async (_event, recorded, { once }) => {
        await eventually(() => isHeld);
        await once(recorded, (tx) => tx.put('seen', recorded.stream, 'yes'));
      },
      { timeoutMs: 500, retry: { attempts: 1 }, outcomes: 'all' },
    );
    await subscriptions.add(hangs);
    await subscriptions.add(others);
    await recording(events)('1', new Deposited(1));
    const [outcome] = await eventually(async () => {
      const kept = await subscriptions.outcomes('others');
      return kept.length === 1 && kept;
    });
    expect(outcome).toMatchObject({ state: 'handled', attempts: 1 });
  });

  it('closing cuts off what hangs in it when the time to stop is over', async () => {
    const { events, subscriptions } = await start(await stores.storage());
    const record = recording(events);
    const begun: string[] = [];
    let reason: unknown;
    const hangs = watching(
      'fraud',
      (_event, recorded, { once, signal }) => {
        signal.addEventListener('abort', () => (reason = signal.reason));
        begun.push(place(recorded));
        return recorded.stream === 'account-1' ? once(recorded, hanging) : undefined;
      },
      { timeoutMs: 10_000, stopTimeoutMs: 50 },
    );
    await subscriptions.add(hangs);
    await record('2', new Deposited(1));
    await record('1', new Deposited(1));
    await eventually(() => begun.length === 2);
    await subscriptions.close();
    expect(reason).toBeInstanceOf(DeliveryEnded);
  });
});
