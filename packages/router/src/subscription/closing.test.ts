import { Recorder, StoreUnavailable, memory, type EventStore, type OpenStorage } from '@backstory/core';
import { silent, type ConsumerChanged, type Observer } from '@backstory/core/observe';
import { Subscriptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, watching } from '../../../../test/support/subscribing.js';

let storage: OpenStorage;
let letGo: () => void;
let held: Promise<void>;
let isHanging: boolean;
let waiting: number;
beforeEach(async () => {
  isHanging = false;
  waiting = 0;
  storage = await memory().open();
  held = new Promise((resolve) => (letGo = resolve));
});
afterEach(() => storage.close());

/** One process; nobody takes over from it unless it gives up its leases, which it does with each subscription that it removes. */
const run = (events: EventStore, observer: Observer = silent) => {
  const recorder = new Recorder(storage.events, { source: 'test' });
  return new Subscriptions({ events, state: storage.state, recorder, observer, leaseMs: 300_000 });
};

/** While it hangs, this of the log gives no answer until it is let go. */
const hanging = (what: 'readAll' | 'identity') => {
  const hang = async () => {
    waiting++;
    await held;
  };
  return new Proxy(storage.events, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      const call = (...given: unknown[]) => Reflect.apply(member, target, given) as unknown;
      if (name !== what) return call;
      if (name === 'identity') return async () => (isHanging && (await hang()), call());
      return async function* (...given: unknown[]) {
        if (isHanging) await hang();
        yield* call(...given) as AsyncIterable<unknown>;
      };
    },
  });
};

/** Whether it has stopped once so much time has passed. */
async function stopsWithin(ms: number, stop: () => Promise<unknown>): Promise<boolean> {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
  try {
    let hasStopped = false;
    void stop().then(() => (hasStopped = true));
    await jest.advanceTimersByTimeAsync(ms);
    return hasStopped;
  } finally {
    jest.useRealTimers();
  }
}

it.each(['readAll', 'identity'] as const)(
  'stopping waits no longer than some seconds where %s does not answer: others take over at once, and it says so',
  async (what) => {
    const events = hanging(what);
    const heard: ConsumerChanged[] = [];
    const seen: string[] = [];
    const one = run(events, { ...silent, consumer: (facts) => void heard.push(facts()) });
    await one.add(watching('fraud', (_event, recorded) => void seen.push(`one ${place(recorded)}`)));
    const record = recording(storage.events);
    await record('1', new Deposited(1));
    await eventually(() => seen.length === 1);
    isHanging = true;
    await record('1', new Deposited(2));
    expect(await stopsWithin(7_000, () => one.remove('fraud'))).toBe(true);
    expect(heard.at(-1)).toMatchObject({ change: 'stopped', reason: NO_CHECKPOINT });

    const two = run(storage.events);
    await two.add(watching('fraud', (_event, recorded) => void seen.push(`two ${place(recorded)}`)));
    await eventually(() => seen.includes('two account-1 v2'), 20_000);
    // What comes late is of no account.
    const before = [...seen];
    letGo();
    await record('1', new Deposited(3));
    await eventually(() => seen.includes('two account-1 v3'), 20_000);
    expect(seen).toEqual([...before, 'two account-1 v3']);
    expect((await two.status('fraud')).members).toHaveLength(1);
    await Promise.all([one.close(), two.close()]);
  },
  60_000,
);

/** While it hangs, the state store gives no answer to these until it is let go. */
const hangingState = (...what: readonly (keyof OpenStorage['state'])[]) => {
  for (const each of what) {
    const real = storage.state[each] as (...given: unknown[]) => unknown;
    const hangs = async (...given: unknown[]) => {
      if (isHanging) await held;
      return Reflect.apply(real, storage.state, given);
    };
    Object.assign(storage.state, { [each]: hangs });
  }
};

const NO_CHECKPOINT =
  'the log or the state store gave no answer within 7000 ms: what was handled since the last checkpoint may be delivered again';
const NOT_GIVEN =
  'the state store gave no answer within 3000 ms to giving up 64 partitions: others take over when their leases have run out';

/** One process that has handled an event; then the state store gives no answer. Gives what is told when it has stopped. */
const hangsAfterOne = async (...what: readonly (keyof OpenStorage['state'])[]) => {
  hangingState(...what);
  const heard: ConsumerChanged[] = [];
  const one = run(storage.events, { ...silent, consumer: (facts) => void heard.push(facts()) });
  let handled = 0;
  await one.add(watching('fraud', () => void handled++));
  await recording(storage.events)('1', new Deposited(1));
  await eventually(() => handled === 1);
  isHanging = true;
  return { one, told: () => heard.filter(({ change }) => change === 'stopped').map(({ reason }) => reason) };
};

it.each([
  ['gives no answer when leases are given up', ['release'], 3_000, NOT_GIVEN],
  [
    'gives no answer at all',
    ['transaction', 'read', 'acquire', 'renew', 'leases', 'now', 'release'],
    10_000,
    `${NO_CHECKPOINT}; ${NOT_GIVEN}`,
  ],
] as const)(
  'a state store that %s holds up closing for some seconds only, and it says why',
  async (_, what, ms, reason) => {
    const { one, told } = await hangsAfterOne(...what);
    expect(await stopsWithin(ms, () => one.close())).toBe(true);
    expect(told()).toEqual([reason]);
    letGo();
  },
);

it('a checkpoint that was kept late is not said to be lost where leases cannot be given up', async () => {
  const { one, told } = await hangsAfterOne('release');
  const transaction = storage.state.transaction.bind(storage.state);
  jest.spyOn(storage.state, 'transaction').mockImplementation(async (...asked) => {
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    return transaction(...asked);
  });
  expect(await stopsWithin(20_000, () => one.close())).toBe(true);
  expect(told()).toEqual([NOT_GIVEN]);
  letGo();
});

it('a last checkpoint that could not be kept is told of', async () => {
  const { one, told } = await hangsAfterOne();
  await recording(storage.events)('1', new Deposited(2));
  storage.state.transaction = () => Promise.reject(new StoreUnavailable('The state store', 'it is away'));
  await one.remove('fraud');
  expect(told()).toEqual([expect.stringMatching(/^the last checkpoint may not be kept: .*it is away/)]);
  await one.close();
});

it('so it is while its partitions begin anew', async () => {
  const seen: string[] = [];
  const [one, two] = [run(hanging('identity')), run(storage.events)];
  await one.add(watching('fraud', (_event, recorded) => void seen.push(`one ${place(recorded)}`)));
  await recording(storage.events)('1', new Deposited(1));
  await eventually(async () => seen.length === 1 && (await two.status('fraud')).position > 0);
  isHanging = true;
  await two.reset('fraud', 'beginning', { actor: 'ann' });
  await one.resume('fraud', { actor: 'ann' });
  await eventually(() => waiting > 0);
  await one.remove('fraud');
  await two.add(watching('fraud', (_event, recorded) => void seen.push(`two ${place(recorded)}`)));
  await eventually(() => seen.includes('two account-1 v1'), 20_000);
  letGo();
  await Promise.all([one.close(), two.close()]);
}, 60_000);
