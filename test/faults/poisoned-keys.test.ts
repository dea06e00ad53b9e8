import { Recorder } from '@backstory/core';
import { EventTypes } from '@backstory/events';
import type { SubscriptionOptions } from '@backstory/router';
import { Deposited } from '../support/bank-events.js';
import { describeEachStorage } from '../support/each-storage.js';
import { eventually } from '../support/eventually.js';
import { processes, watching } from '../support/subscribing.js';

const KEYS = 2_000;
const EVENTS = 3;
const ATTEMPTS = 3;
/** One in a hundred. */
const isPoisoned = (key: number) => key % 100 === 13;
const POISONED = Array.from({ length: KEYS }, (_, i) => i).filter(isPoisoned);
/** Doing something `once` takes a transaction: those that are poisoned do, and some of the others. */
const isCounted = (key: number) => key % 20 === 13;
const OPTIONS: SubscriptionOptions = { retry: { attempts: ATTEMPTS, delayMs: 5 }, breaker: { keys: 100 } };

const types = new EventTypes([Deposited]);

describeEachStorage((stores) => {
  // Nobody takes over, however busy the machine is: then nothing is delivered twice.
  const start = processes(stores, 60_000);

  it('one key in a hundred is poisoned: no healthy one waits for it, and when it is repaired nothing is lost, doubled or out of order', async () => {
    const { events, state, subscriptions } = await start(await stores.storage());
    const recorder = new Recorder(events, { source: 'test' });
    const recordAll = async () => {
      for (let from = 0; from < KEYS; from += 200)
        await recorder.record(
          Array.from({ length: 200 }, (_, i) => ({
            stream: `account-${from + i}`,
            expected: 'any' as const,
            events: [types.encode(new Deposited(from + i))],
          })),
        );
    };
    let isRepaired = false;
    /** What began, in its order; of a key that is tried again several times. */
    const begun: number[] = [];
    const handled = new Map<string, number[]>();
    const watcher = watching(
      'fraud',
      async ({ amount: key }, recorded, { once }) => {
        const { stream, version } = recorded;
        if (version === 1) begun.push(key);
        if (isCounted(key))
          await once(recorded, async (tx) =>
            tx.put('done', stream, `${(await tx.get('done', stream)) ?? ''}${version} `),
          );
        // After the effect, so that what is tried again would do it again.
        if (isPoisoned(key) && version === 1 && !isRepaired) throw new Error('unlucky');
        handled.set(stream, [...(handled.get(stream) ?? []), version]);
      },
      OPTIONS,
    );
    await recordAll();
    await subscriptions.add(watcher);
    await recordAll();
    const status = await eventually(async () => {
      const now = await subscriptions.status('fraud');
      return now.parked.dead === POISONED.length && now.lag.events === 0 && now;
    });
    expect(status.parked).toEqual({ dead: POISONED.length, retrying: 0, draining: 0 });

    // First events begin in the order of the log, whatever fails between them.
    expect([...new Set(begun)]).toEqual(Array.from({ length: KEYS }, (_, i) => i));
    // More than that where a store wants a transaction to be tried again: such an attempt does not count.
    expect(begun.length).toBeGreaterThanOrEqual(KEYS + POISONED.length * (ATTEMPTS - 1));
    expect(handled.size).toBe(KEYS - POISONED.length);

    isRepaired = true;
    await subscriptions.retry('fraud', 'all', { actor: 'ann' });
    await recordAll();
    await eventually(async () => {
      const { parked, lag } = await subscriptions.status('fraud');
      return parked.dead + parked.retrying + parked.draining === 0 && lag.events === 0;
    });
    const inOrder = Array.from({ length: EVENTS }, (_, i) => i + 1);
    expect(handled).toEqual(
      new Map(Array.from({ length: KEYS }, (_, i) => [`account-${i}`, inOrder] as const)),
    );
    const done = await state.read((view) => view.list('done', { limit: KEYS }));
    expect(done.map(({ value }) => value.trim())).toEqual(
      Array.from({ length: KEYS }, (_, i) => i)
        .filter(isCounted)
        .map(() => inOrder.join(' ')),
    );
  });
});
