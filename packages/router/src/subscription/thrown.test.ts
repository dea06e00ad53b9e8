import { parse } from 'node:querystring';
import { inspect } from 'node:util';
import { memory, type OpenStorage, type RecordedEvent } from '@backstory/core';
import {
  type Subscriptions,
  batchReaction,
  reaction,
  subscriber,
  type SubscriptionOptions,
} from '@backstory/router';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { place, watching, subscriptionsOn } from '../../../../test/support/subscribing.js';
import { Parking } from './parking.js';

let storage: OpenStorage;
let record: ReturnType<typeof recording>;
let subscriptions: Subscriptions;
beforeEach(async () => {
  storage = await memory().open();
  record = recording(storage.events);
  subscriptions = subscriptionsOn(storage);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await subscriptions.close();
});

const ONCE: SubscriptionOptions = { retry: { attempts: 1 }, stopTimeoutMs: 100 };
const parked = (count: number) => async () => {
  const found = await subscriptions.parked('fraud', { states: ['dead'] });
  return found.length === count && found;
};

class Guarded extends Error {
  override get message(): string {
    throw new Error('not to be read');
  }
  override get name(): string {
    throw new Error('not to be read');
  }
  get code(): string {
    throw new Error('not to be read');
  }
  [inspect.custom](): string {
    throw new Error('not to be read');
  }
}

function failing(made: () => unknown): Promise<never> {
  return new Promise(() => {
    throw made();
  });
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** What a handler may throw, and what is said of it. */
const THROWN: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['undefined', () => undefined, /^undefined$/],
  ['null', () => null, /^null$/],
  ['a symbol', () => Symbol('odd'), /^Symbol\(odd\)$/],
  ['what querystring gives', () => parse('error=denied'), /denied/],
  ['the groups of a match', () => /(?<key>a)/.exec('a')!.groups, /key: 'a'/],
  ['an error whose message is a symbol', () => Object.assign(new Error('x'), { message: Symbol('q') }), /q/],
  ['an error that cannot be read', () => new Guarded(), /^something that cannot be shown \(object\)$/],
  ['an object that can be no text', () => ({ toString: () => Symbol('none') }), /toString/],
  ['a proxy that is revoked', revoked, /Revoked/],
];

it.each(THROWN)('%s that is thrown parks its key and holds up no other', async (_what, made, said) => {
  const seen: string[] = [];
  await subscriptions.add(
    watching(
      'fraud',
      (_event, recorded) => {
        if (recorded.stream === 'account-1') throw made();
        if (recorded.stream === 'account-2') return failing(made);
        return seen.push(place(recorded));
      },
      ONCE,
    ),
  );
  for (const id of ['1', '2', '3']) await record(id, new Deposited(1));
  const found = await eventually(parked(2));
  for (const { reason, error } of found)
    expect([reason, error.message]).toEqual(['poison', expect.stringMatching(said)]);
  await eventually(() => seen.length === 1);
});

it.each(THROWN)('%s that a handler of several events throws parks their keys', async (_what, made, said) => {
  const handle = () => failing(made);
  const on = [batchReaction([Deposited, Withdrawn], handle, { size: 5 })];
  await subscriptions.add(subscriber({ name: 'fraud', on, checkpointMs: 50, ...ONCE }));
  for (const id of ['6', '14']) await record(id, new Deposited(1));
  for (const { error } of await eventually(parked(2))) expect(error.message).toMatch(said);
});

it('what a handler gives may fail when it is asked whether it is a promise, or when it is awaited', async () => {
  const given: Record<string, () => unknown> = {
    'account-1': () => ({
      get then() {
        throw new Error('getter');
      },
    }),
    'account-2': () => ({
      then() {
        throw new Error('thenable');
      },
    }),
  };
  await subscriptions.add(watching('fraud', (_event, { stream }) => given[stream]!(), ONCE));
  for (const id of ['1', '2']) await record(id, new Deposited(1));
  const found = await eventually(parked(2));
  expect(found.map(({ error }) => error.message).sort()).toEqual(['getter', 'thenable']);
});

const nothing: unknown = undefined;

const CLASSIFY: readonly (readonly [string, (error: unknown) => unknown, string])[] = [
  [
    'throws',
    (error) => ((error as Error).message.startsWith('net') ? 'infrastructure' : undefined),
    'Cannot read',
  ],
  ['gives what is no kind', () => 'posion', `it gave "posion" in place of 'poison'`],
  ['is asynchronous', () => Promise.reject(new Error('late')), 'it gave Promise'],
];

it.each(CLASSIFY)(
  'where classify %s, the event is to blame and both errors are told',
  async (_how, classify, said) => {
    const seen: string[] = [];
    const options = { ...ONCE, classify: classify as NonNullable<SubscriptionOptions['classify']> };
    await subscriptions.add(
      watching(
        'fraud',
        (_event, recorded) => {
          if (recorded.stream === 'account-1') throw nothing;
          if (recorded.stream === 'account-2') return failing(() => nothing);
          return seen.push(place(recorded));
        },
        options,
      ),
    );
    for (const id of ['1', '2', '3']) await record(id, new Deposited(1));
    for (const { reason, error } of await eventually(parked(2))) {
      expect(reason).toBe('poison');
      expect(error.message).toContain(`undefined; and classify failed: ${said}`);
    }
    await eventually(() => seen.length === 1);
  },
);

it('where classify throws, the place where the handler threw is kept', async () => {
  const classify = () => {
    throw new Error('unclear');
  };
  const broken = new Error('broken');
  await subscriptions.add(watching('fraud', () => Promise.reject(broken), { ...ONCE, classify }));
  await record('1', new Deposited(1));
  const [found] = await eventually(parked(1));
  expect(found!.error).toMatchObject({
    message: 'broken; and classify failed: unclear',
    stack: broken.stack,
  });
});

it.each([
  [
    'at once',
    () => {
      throw new Error('x');
    },
  ],
  ['later', () => Promise.reject(new Error('x'))],
])(
  'what fails in the subscription itself when a handler ends %s faults it; resumed it handles again',
  async (_when, handle) => {
    const park = jest.spyOn(Parking.prototype, 'park').mockImplementation(() => {
      throw new Error('a mistake of ours');
    });
    await subscriptions.add(watching('fraud', handle, ONCE));
    await record('1', new Deposited(1));
    const state = async () => (await subscriptions.status('fraud')).members[0];
    await eventually(async () => (await state())?.reason?.includes('a mistake of ours'));
    park.mockRestore();
    await subscriptions.resume('fraud');
    await eventually(parked(1));
  },
);

it('what fails in the subscription itself at a later attempt faults it, too', async () => {
  const handle = (_event: object, _recorded: object, { attempt }: { readonly attempt: number }) => {
    if (attempt === 2)
      jest.spyOn(Parking.prototype, 'park').mockImplementation(() => {
        throw new Error('a mistake of ours');
      });
    throw new Error('x');
  };
  await subscriptions.add(
    watching('fraud', handle, { stopTimeoutMs: 100, retry: { attempts: 5, delayMs: 10 } }),
  );
  await record('1', new Deposited(1));
  await eventually(async () => (await subscriptions.status('fraud')).members[0]?.state === 'faulted');
});

it('a `when` is taken as `if` would take it, and one that gives a promise fails its handler', async () => {
  const seen: string[] = [];
  const when = (name: string, answer: () => unknown) =>
    reaction(Deposited, () => seen.push(name), { name, when: answer as never });
  const on = [
    ...[when('zero', () => 0), when('three', () => 3)],
    when('later', async () => Promise.reject(new Error('later'))),
  ];
  await subscriptions.add(subscriber({ name: 'fraud', on, ...ONCE }));
  await record('account-1', new Deposited(1));
  const [key] = await eventually(parked(1));
  expect([key!.handler, key!.error.message]).toEqual(['later', expect.stringContaining('must say at once')]);
  expect(seen).toEqual(['three']);
});

it('once is not begun any more when the handler has ended', async () => {
  let late: Promise<unknown> | undefined;
  await subscriptions.add(
    watching('fraud', (_event, recorded, { once }) => {
      const begin = () => once(recorded, (tx) => tx.put('seen', recorded.stream, 'yes'));
      setImmediate(() => {
        late = begin().then(
          () => 'it was done',
          (error: unknown) => error,
        );
      });
    }),
  );
  await record('1', new Deposited(1));
  await eventually(() => late);
  expect(await late).toMatchObject({ code: 'BACKSTORY_DELIVERY_ENDED', reason: 'it has ended' });
  expect(await storage.state.read((view) => view.count('seen'))).toBe(0);
});

describe('what a handler makes of an event', () => {
  /** Counts it up, and fails at first. */
  const spoils = () => {
    const seen: number[] = [];
    const handle = (event: Deposited) => {
      seen.push(event.amount);
      (event as { amount: number }).amount += 1;
      if (seen.length === 2) throw new Error('at first');
    };
    return { seen, handle };
  };

  it('no other handler and no other attempt is given', async () => {
    const { seen, handle } = spoils();
    const on = ['one', 'two'].map((name) => reaction(Deposited, handle, { name }));
    await subscriptions.add(subscriber({ name: 'fraud', on, retry: { attempts: 2, delayMs: 5 } }));
    await record('1', new Deposited(7));
    await eventually(() => seen.length === 3);
    expect(seen).toEqual([7, 7, 7]);
  });

  it('nobody is given who handles it alone when several at once have failed', async () => {
    const { seen, handle } = spoils();
    const all = (batch: readonly RecordedEvent<Deposited>[]) => batch.forEach(({ data }) => handle(data));
    const on = [batchReaction([Deposited], all, { name: 'watch' })];
    await subscriptions.add(subscriber({ name: 'fraud', on }));
    await record('1', new Deposited(7), new Deposited(7));
    await eventually(() => seen.length === 4);
    expect(seen).toEqual([7, 7, 7, 7]);
  });
});
