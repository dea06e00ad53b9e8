import { Recorder, StoreUnusable, memory, type OpenStorage } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { HandlerTimedOut, Subscriptions, reaction, subscriber } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { listening } from '../../../../test/support/listening.js';
import { watching, subscriptionsOn } from '../../../../test/support/subscribing.js';

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

function start(observer: Observer): Subscriptions {
  const subscriptions = subscriptionsOn(storage, { observer });
  running.push(subscriptions);
  return subscriptions;
}

const dead = (subscriptions: Subscriptions) => async () =>
  (await subscriptions.parked('fraud', { states: ['dead'] })).length > 0;

it('an observer is told of what is left out, and of a replay that is done', async () => {
  const { told, observer } = listening();
  const subscriptions = start(observer);
  let isRepaired = false;
  const handle = () => {
    if (!isRepaired) throw new Error('poison');
  };
  await subscriptions.add(watching('fraud', handle, { retry: { attempts: 1 } }));
  await record('1', new Deposited(1));
  await record('2', new Deposited(2));
  await eventually(async () => (await subscriptions.parked('fraud', { states: ['dead'] })).length === 2);
  await subscriptions.skip('fraud', { key: 'account-1' });
  await subscriptions.discard('fraud', { key: 'account-2' });
  await eventually(async () => (await subscriptions.parked('fraud')).length === 0);
  isRepaired = true;
  await subscriptions.replay('fraud', { key: 'account-2' });
  await eventually(() => told.includes('consumer fraud replayed'));
  expect(told.filter((it) => it.startsWith('park') && !it.includes('dead')).sort()).toEqual([
    'park account-1 draining skip',
    'park account-1 released',
    'park account-2 released discard',
  ]);
  expect(told.filter((it) => it.startsWith('handle') && it.endsWith('handled'))).toEqual([
    'handle watch 1 handled',
  ]);
});

it('an observer is told of every seam', async () => {
  const { told, observer } = listening();
  const subscriptions = start(observer);
  let isRepaired = false;
  await subscriptions.add(
    watching(
      'fraud',
      () => {
        if (!isRepaired) throw new Error('poison');
      },
      { retry: { attempts: 2, delayMs: 10 } },
    ),
  );
  await record('1', new Deposited(1));
  await eventually(dead(subscriptions));
  isRepaired = true;
  await subscriptions.retry('fraud', { key: 'account-1' });
  await eventually(async () => (await subscriptions.parked('fraud')).length === 0);
  await subscriptions.close();
  const about = (...seams: string[]) => told.filter((it) => seams.includes(it.split(' ')[0]!));
  expect(about('handle', 'park', 'retry')).toEqual([
    'handle watch 1 failed',
    'park account-1 retrying',
    'retry watch 2',
    'handle watch 2 failed',
    'park account-1 dead',
    'park account-1 draining',
    'handle watch 1 handled',
    'park account-1 released',
  ]);
  expect(about('consumer')).toEqual(['consumer fraud started', 'consumer fraud stopped']);
  expect(new Set(about('lease'))).toEqual(new Set(['lease acquired', 'lease released']));
  expect(told).toEqual(expect.arrayContaining(['checkpoint fraud', 'page fraud']));
});

it('an observer is told of attempts that ran out of time, and of none where no handler was meant', async () => {
  const { told, observer } = listening();
  const subscriptions = start(observer);
  const hangs = () => new Promise(() => undefined);
  await subscriptions.add(
    subscriber({
      name: 'fraud',
      on: [
        reaction(Deposited, hangs, { name: 'large', when: ({ data }) => data.amount > 10 }),
        reaction(Deposited, () => undefined, { name: 'all' }),
      ],
      ...{ timeoutMs: 20, retry: { attempts: 1 }, checkpointMs: 20 },
    }),
  );
  await record('1', new Deposited(1), new Deposited(100));
  await eventually(dead(subscriptions));
  expect(told.filter((it) => it.startsWith('handle'))).toEqual([
    'handle all 1 handled',
    'handle large 1 timed-out',
  ]);
});

it('an attempt ends once: when its time is over, whatever its handler does then; and a time-out of another is a failure', async () => {
  const outcomes: string[] = [];
  const observer: Observer = {
    ...silent,
    handle: (start, work) => {
      const { handler } = start();
      return work((end) => void outcomes.push(`${handler} ${end().outcome}`));
    },
  };
  let goOn: (given: unknown) => void = () => undefined;
  const hanging = new Promise((resolve) => (goOn = resolve));
  const subscriptions = start(observer);
  const another = () => {
    throw new HandlerTimedOut('mail', 5);
  };
  const reactions = { hangs: () => hanging, fails: another, rejects: async () => another() };
  for (const [name, handle] of Object.entries(reactions))
    await subscriptions.add(
      subscriber({
        name,
        on: [reaction(Deposited, handle, { name })],
        ...{ timeoutMs: 20, retry: { attempts: 1 } },
      }),
    );
  await record('1', new Deposited(1));
  const isDead = async (name: string) =>
    (await subscriptions.parked(name, { states: ['dead'] })).length === 1;
  for (const name of Object.keys(reactions)) await eventually(() => isDead(name));
  goOn(undefined);
  await hanging;
  await new Promise((turn) => setImmediate(turn));
  expect(outcomes.sort()).toEqual(['fails failed', 'hangs timed-out', 'rejects failed']);
});

it('an attempt is told the trace of the one before, also of one in a process that is gone, and of no other handler', async () => {
  const found: unknown[] = [];
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const observer: Observer = {
    ...silent,
    handle: (start, work) => {
      const { handler, attempt, previous } = start();
      found.push([handler, attempt, previous?.traceparent]);
      return work(() => undefined);
    },
    trace: () => ({ traceparent }),
  };
  let isRepaired = false;
  const fraud = () =>
    subscriber({
      name: 'fraud',
      on: [
        reaction(Deposited, async () => {}, { name: 'first' }),
        reaction(
          Deposited,
          async () => {
            if (!isRepaired) throw new Error('poison');
          },
          { name: 'second' },
        ),
      ],
      retry: { attempts: 1 },
    });
  const before = start(observer);
  await before.add(fraud());
  await record('1', new Deposited(1));
  await eventually(dead(before));
  await before.close();
  isRepaired = true;
  const after = start(observer);
  await after.add(fraud());
  await after.retry('fraud', { key: 'account-1' });
  await eventually(async () => (await after.parked('fraud')).length === 0);
  expect(found).toEqual([
    ['first', 1, undefined],
    ['second', 1, undefined],
    ['second', 1, traceparent],
  ]);
});

it('an observer is told what becomes of a subscription: taken over, paused, resumed, faulted', async () => {
  const { told, observer } = listening();
  const owner = { owner: 'a process that is gone', ttlMs: 1 };
  await storage.state.acquire('subscription/fraud/07', owner);
  const subscriptions = start(observer);
  await subscriptions.add(watching('fraud', () => undefined));
  await eventually(() => told.includes('consumer fraud taken-over'));
  await subscriptions.pause('fraud', { actor: 'ann' });
  await eventually(() => told.includes('consumer fraud paused'));
  await subscriptions.resume('fraud', { actor: 'ann' });
  await eventually(() => told.includes('consumer fraud resumed'));
  jest
    .spyOn(storage.events, 'identity')
    .mockRejectedValue(new StoreUnusable('memory', 'corrupt', 'it is damaged.'));
  await record('1', new Deposited(1));
  await eventually(() => told.includes('consumer fraud faulted'));
  const changes = told.filter((it) => it.startsWith('consumer')).map((it) => it.split(' ')[2]);
  expect(changes).toEqual(['started', 'taken-over', 'paused', 'resumed', 'faulted']);
});

it('the checkpoint is kept while what is said of it cannot be recorded', async () => {
  const recorder = new Recorder(storage.events, { source: 'test' });
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const real = recorder.record.bind(recorder);
  let isHeld = false;
  jest.spyOn(recorder, 'record').mockImplementation(async (...given) => {
    isHeld = true;
    await held;
    return real(...given);
  });
  const subscriptions = new Subscriptions({ ...storage, recorder });
  try {
    await subscriptions.add(watching('fraud', () => undefined));
    await eventually(() => isHeld);
    await record('1', new Deposited(1));
    await eventually(async () => (await subscriptions.status('fraud')).position === 1, 10_000);
  } finally {
    letGo();
    await subscriptions.close();
  }
});
