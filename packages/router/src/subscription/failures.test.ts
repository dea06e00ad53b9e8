import { Recorder, StoreUnavailable, memory, type OpenStorage, type RecordedEvent } from '@backstory/core';
import type { Observer } from '@backstory/core/observe';
import {
  HandlerTimedOut,
  Subscriptions,
  batchReaction,
  reaction,
  subscriber,
  type SubscriptionOptions,
} from '@backstory/router';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { listening } from '../../../../test/support/listening.js';
import { place, watching, subscriptionsOn } from '../../../../test/support/subscribing.js';

let storage: OpenStorage;
let record: ReturnType<typeof recording>;
const running: Subscriptions[] = [];
beforeEach(async () => {
  storage = await memory().open();
  record = recording(storage.events);
});
afterEach(async () => {
  jest.restoreAllMocks();
  for (const it of running.splice(0)) await it.close();
});

function start(observer?: Observer): Subscriptions {
  const subscriptions = subscriptionsOn(storage, { ...(observer && { observer }) });
  running.push(subscriptions);
  return subscriptions;
}

const raise = (error: Error) => {
  throw error;
};
const dead = (subscriptions: Subscriptions) => async () => {
  const found = await subscriptions.parked('fraud', { states: ['dead'] });
  return found.length > 0 && found;
};
const OUTAGE: SubscriptionOptions = { breaker: { keys: 3, probeMs: 20, maxProbeMs: 40 } };

it('a handler that hangs has its signal aborted, counts as failed, and holds up no other key', async () => {
  const subscriptions = start();
  const seen: string[] = [];
  const aborted: unknown[] = [];
  await subscriptions.add(
    watching(
      'fraud',
      (_event, recorded, { signal }) => {
        if (recorded.stream !== 'account-1') return seen.push(place(recorded));
        signal.addEventListener('abort', () => aborted.push(signal.reason));
        return new Promise(() => undefined);
      },
      { timeoutMs: 20, retry: { attempts: 2, delayMs: 10 }, concurrency: 1 },
    ),
  );
  await record('1', new Deposited(1));
  await record('2', new Deposited(2));
  const [parked] = await eventually(dead(subscriptions));
  expect(parked).toMatchObject({ key: 'account-1', reason: 'time-out', attempts: 2 });
  expect(parked?.error.message).toContain('fraud.watch did not end within 20 ms');
  expect(aborted).toEqual([expect.any(HandlerTimedOut), expect.any(HandlerTimedOut)]);
  expect(seen).toEqual(['account-2 v1']);
});

it('in whatever order others end, one that hangs has its time', async () => {
  const subscriptions = start();
  const ends = new Map<string, () => void>();
  const hangs = (_event: object, { stream }: { readonly stream: string }) =>
    new Promise<void>((end) => ends.set(stream, end));
  await subscriptions.add(watching('fraud', hangs, { timeoutMs: 1_000, retry: { attempts: 1 } }));
  const begun = async (...ids: string[]) => {
    for (const id of ids) await record(id, new Deposited(1));
    await eventually(() => ids.every((id) => ends.has(`account-${id}`)));
  };
  await begun('a', 'b', 'c');
  ends.get('account-b')!();
  await new Promise((turn) => setImmediate(turn));
  await begun('d', 'e');
  for (const id of ['c', 'e', 'a']) ends.get(`account-${id}`)!();
  await eventually(async () => ((await dead(subscriptions)()) || []).some(({ key }) => key === 'account-d'));
});

it('what a handler does after its time is over counts no more: it rejects, or asks for once, and nothing comes of it', async () => {
  const subscriptions = start();
  const late: unknown[] = [];
  await subscriptions.add(
    watching(
      'fraud',
      async (_event, recorded, { once, attempt }) => {
        if (attempt > 1) return;
        await new Promise((wait) => setTimeout(wait, 60));
        late.push(await once(recorded, (tx) => tx.put('c', 'k', 'late')).catch((error: unknown) => error));
        throw new Error('late');
      },
      { timeoutMs: 20 },
    ),
  );
  await record('1', new Deposited(1));
  await eventually(() => late.length === 1);
  expect(late).toEqual([expect.any(HandlerTimedOut)]);
  // The second attempt comes after it, and is well.
  await eventually(async () => (await subscriptions.parked('fraud')).length === 0);
  expect(await storage.state.read((view) => view.get('c', 'k'))).toBeUndefined();
});

it('an event that cannot be decoded is parked at once, and handled with other data', async () => {
  const subscriptions = start();
  const seen: unknown[] = [];
  await subscriptions.add(watching('fraud', (event) => void seen.push(event)));
  const broken = { type: 'account.deposited', schemaVersion: 7, data: '{"amount":1}' };
  const recorder = new Recorder(storage.events, { source: 'test' });
  await recorder.record([{ stream: 'account-1', expected: 'any', events: [broken] }]);
  const [parked] = await eventually(dead(subscriptions));
  expect(parked).toMatchObject({ key: 'account-1', reason: 'cannot-decode', attempts: 1 });
  await subscriptions.skip('fraud', { key: 'account-1' });
  await record('1', new Deposited(5));
  await eventually(() => seen.length === 1);
  expect(seen).toEqual([new Deposited(5)]);
});

it.each<readonly [string, () => unknown, RegExp]>([
  ['throws', () => raise(new Error('no tenant')), /no tenant/],
  ['gives no text', () => 7, /key .*: 7/],
  ['gives a promise', () => Promise.reject(new Error('later')), /key .*Promise/],
])(
  'an event for which the key %s is parked at once: nobody knows what it is to be handled after',
  async (_, key, message) => {
    const subscriptions = start();
    let isRepaired = false;
    const seen: unknown[] = [];
    const own = () => (isRepaired ? 'all' : key()) as string;
    await subscriptions.add(watching('fraud', (event) => void seen.push(event), { key: own }));
    await record('1', new Deposited(1));
    const [parked] = await eventually(dead(subscriptions));
    expect(parked).toMatchObject({ key: 'account-1', reason: 'cannot-decode', attempts: 1 });
    expect(parked!.error.message).toMatch(message);
    expect(seen).toEqual([]);
    isRepaired = true;
    await record('2', new Deposited(2));
    await eventually(() => seen.length === 1);
  },
);

it('so are such among several that are handled at once, and they alone', async () => {
  const subscriptions = start();
  const seen: string[] = [];
  const key = ({ stream }: RecordedEvent) => (stream === 'account-2' ? '' : 'all');
  const handle = (batch: readonly RecordedEvent[]) => void seen.push(...batch.map(place));
  const on = [batchReaction([Deposited], handle, { name: 'watch' })];
  await subscriptions.add(subscriber({ name: 'fraud', key, on, checkpointMs: 50 }));
  for (const id of ['1', '2', '3']) await record(id, new Deposited(1));
  const [parked] = await eventually(dead(subscriptions));
  expect(parked).toMatchObject({ key: 'account-2', reason: 'cannot-decode' });
  await eventually(() => seen.length === 2);
  expect(seen).toEqual(['account-1 v1', 'account-3 v1']);
});

it('what cannot be reached pauses the subscription: nothing is parked, no attempt counted, and it goes on by itself', async () => {
  const { told, observer } = listening();
  const subscriptions = start(observer);
  let isDown = true;
  let calls = 0;
  const seen: string[] = [];
  await subscriptions.add(
    watching(
      'fraud',
      (_event, recorded) => {
        calls++;
        if (isDown)
          throw new Error('no connection', {
            cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
          });
        seen.push(place(recorded));
      },
      { ...OUTAGE, retry: { attempts: 1 } },
    ),
  );
  for (let i = 0; i < 200; i++) await record(String(i), new Deposited(i));
  await eventually(() => calls > 4);
  const status = await eventually(async () => {
    const now = await subscriptions.status('fraud');
    return now.state === 'paused' && now;
  });
  expect(status).toMatchObject({
    reason: 'watch: no connection',
    parked: { retrying: 0, dead: 0, draining: 0 },
  });
  // One at a time is tried, not all that wait.
  expect(calls).toBeLessThan(200);
  isDown = false;
  await eventually(() => seen.length === 200);
  expect(await subscriptions.parked('fraud')).toEqual([]);
  expect(told.filter((it) => it.startsWith('consumer'))).toEqual([
    'consumer fraud started',
    'consumer fraud paused',
    'consumer fraud resumed',
  ]);
});

it('many keys that fail at once are taken for an outage, and attempts already made are forgiven', async () => {
  const subscriptions = start();
  let isDown = true;
  const again = new Set(['account-0', 'account-1']);
  const seen: string[] = [];
  const handle = (_event: object, recorded: Parameters<typeof place>[0]) => {
    // Two of them fail once more when it is over: with the attempts of the outage they would be dead.
    if (isDown || again.delete(recorded.stream)) throw new Error('says nothing');
    seen.push(place(recorded));
  };
  await subscriptions.add(watching('fraud', handle, { ...OUTAGE, retry: { attempts: 2, delayMs: 30 } }));
  for (let i = 0; i < 20; i++) await record(String(i), new Deposited(i));
  await eventually(async () => (await subscriptions.status('fraud')).state === 'paused');
  const { reason } = await subscriptions.status('fraud');
  expect(reason).toMatch(/3 different keys failed one after another, the last with: watch: says nothing/);
  await new Promise((wait) => setTimeout(wait, 200));
  expect(await subscriptions.parked('fraud', { states: ['dead'] })).toEqual([]);
  isDown = false;
  await eventually(() => seen.length === 20);
});

it('one key that fails for ever among others is no outage', async () => {
  const subscriptions = start();
  await subscriptions.add(
    watching(
      'fraud',
      (_event, { stream }) => {
        if (stream === 'account-1') throw new Error('poison');
      },
      OUTAGE,
    ),
  );
  for (let i = 0; i < 20; i++) await record(String(i), new Deposited(i), new Withdrawn(i));
  await eventually(dead(subscriptions));
  await eventually(async () => (await subscriptions.status('fraud')).lag.seconds === 0);
  expect((await subscriptions.status('fraud')).state).toBe('live');
});

it('ready keys with more urgent events go first', async () => {
  const subscriptions = start();
  const seen: string[] = [];
  const on = [
    reaction(Deposited, (_event, recorded) => void seen.push(place(recorded)), {
      name: 'low',
      priority: 'low',
    }),
    reaction(Withdrawn, (_event, recorded) => void seen.push(place(recorded)), {
      name: 'high',
      priority: 'high',
    }),
  ];
  await record('1', new Deposited(1));
  await record('2', new Deposited(1));
  await record('3', new Withdrawn(1));
  await subscriptions.add(subscriber({ name: 'fraud', on, concurrency: 1 }));
  await eventually(() => seen.length === 3);
  expect(seen).toEqual(['account-3 v1', 'account-1 v1', 'account-2 v1']);
});

it('with a full buffer it reads no more, says so, and loses nothing', async () => {
  const subscriptions = start();
  let go = (): void => undefined;
  const gate = new Promise<void>((resolve) => (go = resolve));
  let handled = 0;
  for (let i = 0; i < 60; i++) await record(String(i), new Deposited(i));
  await subscriptions.add(
    watching('fraud', () => gate.then(() => handled++), { buffer: 10, concurrency: 2 }),
  );
  await eventually(async () => (await subscriptions.status('fraud')).members[0]?.isFull === true);
  for (let i = 0; i < 60; i++) await record(String(i), new Deposited(i));
  go();
  await eventually(() => handled === 120);
});

it('a log that was replaced stops it visibly, and others go on', async () => {
  const subscriptions = start();
  await record('1', new Deposited(1));
  await subscriptions.add(watching('fraud', () => undefined));
  await eventually(async () => (await subscriptions.status('fraud')).position > 0);
  await subscriptions.close();
  const other = await memory().open();
  const recorder = new Recorder(other.events, { source: 'test' });
  const next = new Subscriptions({ events: other.events, state: storage.state, recorder });
  running.push(next);
  await next.add(watching('fraud', () => undefined));
  let handled = 0;
  await next.add(watching('other', () => handled++));
  const status = await eventually(async () => {
    const now = await next.status('fraud');
    return now.state === 'faulted' && now;
  });
  expect(status.reason).toMatch(/The log is not the one this checkpoint was taken from/);
  await recording(other.events)('1', new Deposited(2));
  await eventually(() => handled === 1);
});

it('an outage of the state store is seen through', async () => {
  const subscriptions = start();
  const seen: string[] = [];
  await subscriptions.add(watching('fraud', (_event, recorded) => void seen.push(place(recorded))));
  const down = jest
    .spyOn(storage.state, 'transaction')
    .mockRejectedValue(new StoreUnavailable('memory', 'down'));
  await record('1', new Deposited(1));
  await eventually(() => seen.length === 1);
  await new Promise((wait) => setTimeout(wait, 120));
  down.mockRestore();
  await eventually(async () => (await subscriptions.status('fraud')).state === 'live');
});
