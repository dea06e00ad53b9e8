import { Recorder, memory, type EventStore, type RecordedEvent, type StateStore } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import {
  BatchHandler,
  Subscriber,
  Subscriptions,
  batchReaction,
  reaction,
  subscriber,
  type BatchDelivery,
  type BatchSettings,
  type SubscriptionOptions,
} from '@backstory/router';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { describeEachStorage } from '../../../../test/support/each-storage.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, processes } from '../../../../test/support/subscribing.js';

type Happened = RecordedEvent<Deposited | Withdrawn>;
type Handle = (batch: readonly Happened[], delivery: BatchDelivery<Deposited | Withdrawn>) => unknown;

const batching = (handle: Handle, settings: BatchSettings = {}, options: SubscriptionOptions = {}) =>
  subscriber({
    name: 'fraud',
    checkpointMs: 50,
    retry: { attempts: 2, delayMs: 20 },
    ...options,
    on: [batchReaction([Deposited, Withdrawn], handle, { name: 'watch', ...settings })],
  });

describeEachStorage((stores) => {
  const start = processes(stores);

  it('events of a partition come together, those of a key in order; what fails is found one by one, and what was done once is', async () => {
    const { events, state, subscriptions } = await start(await stores.storage());
    const record = recording(events);
    const batches: string[][] = [];
    const done: string[] = [];
    const handle: Handle = async (batch, { once }) => {
      batches.push(batch.map(place));
      await once(async (tx, fresh) => {
        for (const it of fresh) {
          await tx.put(
            'sums',
            it.stream,
            String(Number((await tx.get('sums', it.stream)) ?? 0) + it.data.amount),
          );
          done.push(place(it));
        }
      });
      if (batch.some(({ data }) => data.amount === 13)) throw new Error('unlucky');
    };
    // These are in one partition.
    await record('6', new Deposited(1), new Deposited(13), new Deposited(3));
    await record('14', new Deposited(4), new Withdrawn(5));
    await subscriptions.add(batching(handle));
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
    expect(await subscriptions.parked('fraud')).toMatchObject([
      {
        key: 'account-6',
        eventType: 'account.deposited',
        attempts: 2,
        handler: 'watch',
        error: { message: 'unlucky' },
      },
    ]);
    expect(batches[0]).toEqual([
      'account-6 v1',
      'account-6 v2',
      'account-6 v3',
      'account-14 v1',
      'account-14 v2',
    ]);
    expect(batches.slice(1).every((it) => it.length === 1)).toBe(true);
    // The first time all of it was done; each of those that came again alone was known.
    expect(done).toEqual(batches[0]);
    const sums = await state.read((view) => view.list('sums'));
    expect(sums.map(({ key, value }) => [key, value])).toEqual([
      ['account-14', '9'],
      ['account-6', '17'],
    ]);
    await subscriptions.skip('fraud', { key: 'account-6' });
    await eventually(async () => (await subscriptions.parked('fraud')).length === 0);
    expect(batches.at(-1)).toEqual(['account-6 v3']);
    expect((await subscriptions.status('fraud')).lag.seconds).toBe(0);
  });
});

describe('in memory', () => {
  const running: Subscriptions[] = [];
  afterEach(() => Promise.all(running.splice(0).map((it) => it.close())));
  let stores: { readonly events: EventStore; readonly state: StateStore };
  let record: ReturnType<typeof recording>;
  beforeEach(async () => {
    stores = await memory().open();
    record = recording(stores.events);
  });
  const start = (observer?: Observer) => {
    const recorder = new Recorder(stores.events, { source: 'test' });
    const subscriptions = new Subscriptions({ ...stores, recorder, ...(observer && { observer }) });
    running.push(subscriptions);
    return subscriptions;
  };

  it('a batch is bounded by the number and the bytes of its events', async () => {
    const sizes: number[] = [];
    const handle: Handle = (batch) => void sizes.push(batch.length);
    await record('1', ...Array.from({ length: 7 }, (_, i) => new Deposited(i)));
    const subscriptions = start();
    await subscriptions.add(batching(handle, { size: 3 }));
    await eventually(() => sizes.reduce((a, b) => a + b, 0) === 7);
    expect(sizes).toEqual([3, 3, 1]);
    sizes.length = 0;
    await subscriptions.remove('fraud');
    await subscriptions.add(batching(handle, { bytes: 10 }));
    await subscriptions.reset('fraud', 'beginning');
    await eventually(() => sizes.length === 7);
    expect(new Set(sizes)).toEqual(new Set([1]));
  });

  it('an event waits for others, and no longer when the batch is full', async () => {
    const batches: string[][] = [];
    const subscriptions = start();
    // For ever, as a test goes.
    const settings = { waitMs: 600_000, size: 3 };
    await subscriptions.add(batching((batch) => void batches.push(batch.map(place)), settings));
    // Each comes in a page of its own.
    for (const [i, account] of ['6', '14'].entries()) {
      await record(account, new Deposited(1));
      await eventually(async () => (await subscriptions.status('fraud')).members[0]?.buffered === i + 1);
    }
    expect(batches).toEqual([]);
    await record('6', new Deposited(2));
    await eventually(() => batches.length === 1);
    expect(batches).toEqual([['account-6 v1', 'account-14 v1', 'account-6 v2']]);
  });

  it('an event waits for others for as long as it may, and then goes without', async () => {
    const batches: string[][] = [];
    const subscriptions = start();
    await subscriptions.add(batching((batch) => void batches.push(batch.map(place)), { waitMs: 50 }));
    await record('6', new Deposited(1));
    await eventually(() => batches.length === 1);
    await record('14', new Deposited(2));
    await eventually(() => batches.length === 2);
    expect(batches).toEqual([['account-6 v1'], ['account-14 v1']]);
  });

  it('a batch that hangs ends with its time, and each of its events has its own', async () => {
    const ended: unknown[] = [];
    const seen: string[] = [];
    const handle: Handle = (batch, { signal }) => {
      if (batch.length === 1) return seen.push(place(batch[0]!));
      signal.addEventListener('abort', () => ended.push(signal.reason));
      return new Promise(() => undefined);
    };
    await record('1', new Deposited(1), new Deposited(2));
    await start().add(batching(handle, { timeoutMs: 20 }));
    await eventually(() => seen.length === 2);
    expect(ended).toMatchObject([{ code: 'BACKSTORY_HANDLER_TIMED_OUT' }]);
    expect(seen).toEqual(['account-1 v1', 'account-1 v2']);
  });

  it('an outage pauses the subscription, and nothing is taken apart or parked for it', async () => {
    let isDown = true;
    const seen: number[] = [];
    const handle: Handle = (batch) => {
      if (isDown) throw Object.assign(new Error('down'), { code: 'ECONNREFUSED' });
      seen.push(batch.length);
    };
    await record('1', new Deposited(1), new Deposited(2), new Deposited(3));
    const subscriptions = start();
    await subscriptions.add(batching(handle, {}, { breaker: { probeMs: 20 } }));
    await eventually(async () => (await subscriptions.status('fraud')).state === 'paused');
    expect((await subscriptions.status('fraud')).reason).toBe('watch: down');
    isDown = false;
    // The probe is one event; the others then go together.
    await eventually(() => seen.reduce((a, b) => a + b, 0) === 3);
    expect(seen).toEqual([1, 2]);
    expect(await subscriptions.parked('fraud')).toEqual([]);
  });

  it('what a batch has done once is known when it comes again together, in a new process too', async () => {
    const [came, done]: string[][] = [[], []];
    let isDown = true;
    const handle: Handle = async (batch, { once }) => {
      came!.push(batch.map(place).join());
      await once(async (_tx, fresh) => done!.push(...fresh.map(place)));
      if (isDown) throw Object.assign(new Error('down'), { code: 'ECONNREFUSED' });
    };
    await record('1', new Deposited(1), new Deposited(2), new Deposited(3));
    const first = start();
    await first.add(batching(handle, {}, { breaker: { probeMs: 60_000 } }));
    await eventually(async () => (await first.status('fraud')).state === 'paused');
    await first.close();
    isDown = false;
    await record('1', new Deposited(4));
    const second = start();
    await second.add(batching(handle));
    await eventually(async () => (await second.status('fraud')).lag.events === 0);
    expect(came![0]).toBe('account-1 v1,account-1 v2,account-1 v3');
    expect(came!.slice(1).some((it) => it.includes(','))).toBe(true);
    expect(done).toEqual(['account-1 v1', 'account-1 v2', 'account-1 v3', 'account-1 v4']);
  });

  it('an event that cannot be read is parked, and what stands before it is handled', async () => {
    const seen: string[][] = [];
    await record('1', new Deposited(1));
    const recorder = new Recorder(stores.events, { source: 'test' });
    const broken = { type: 'account.deposited', schemaVersion: 7, data: '{"amount":1}' };
    await recorder.record([{ stream: 'account-1', expected: 'any', events: [broken] }]);
    await record('1', new Deposited(2));
    const subscriptions = start();
    await subscriptions.add(batching((batch) => void seen.push(batch.map(place))));
    await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 1);
    await subscriptions.skip('fraud', 'all');
    await eventually(() => seen.length === 2);
    expect(seen).toEqual([['account-1 v1'], ['account-1 v3']]);
  });

  it('what it records belongs to the event it says, once; outcomes and observers know of all', async () => {
    const told: unknown[] = [];
    const observer: Observer = {
      ...silent,
      handle: async (begin, work) => {
        const { handler, events, event } = begin();
        told.push([handler, events, event.stream]);
        return work(() => undefined);
      },
    };
    const recorder = new Recorder(stores.events, { source: 'test' });
    const subscriptions = start(observer);
    const handle: Handle = async (batch, { handling }) => {
      for (const it of batch)
        await handling(it, () =>
          recorder.record([{ stream: 'seen-1', expected: 'any', events: [{ type: 'seen', data: '{}' }] }]),
        );
      return batch.length;
    };
    const ids = await record('1', new Deposited(1), new Deposited(2));
    await subscriptions.add(batching(handle, {}, { outcomes: 'all' }));
    await subscriptions.handled('fraud', ids[1]!);
    await subscriptions.reset('fraud', 'beginning');
    await eventually(() => told.length === 2);
    await subscriptions.handled('fraud', ids[1]!);
    const causes: unknown[] = [];
    for await (const page of stores.events.readStream('seen-1'))
      causes.push(
        ...page.events.map(({ metadata }) => (JSON.parse(metadata) as { causationId: string }).causationId),
      );
    expect(causes).toEqual(ids);
    expect(told).toEqual(Array(2).fill(['watch', 2, 'account-1']));
    expect(await subscriptions.outcomes('fraud')).toMatchObject(
      [...ids].reverse().map((eventId) => ({ eventId, state: 'handled', handler: 'watch', result: '2' })),
    );
  });

  it('is a method of a class as well, and alone with its events', async () => {
    const seen: number[] = [];
    @Subscriber('decorated')
    class Decorated {
      @BatchHandler([Deposited, Withdrawn], { size: 10 })
      watch(batch: readonly RecordedEvent<Deposited | Withdrawn>[]) {
        seen.push(...batch.map(({ data }) => data.amount));
      }
    }
    await record('1', new Deposited(1), new Withdrawn(2));
    const subscriptions = start();
    await subscriptions.add(new Decorated());
    await eventually(() => seen.length === 2);
    const two = subscriber({
      name: 'two',
      on: [
        batchReaction([Deposited], () => undefined, { name: 'a' }),
        reaction(Deposited, () => undefined, { name: 'b' }),
      ],
    });
    await expect(subscriptions.add(two)).rejects.toThrow(
      'has a batch handler and another for account.deposited',
    );
    expect(() => batchReaction([Deposited], () => undefined, { size: 0 })).toThrow(
      'size: must be a number from 1',
    );
  });
});
