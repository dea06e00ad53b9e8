import { Recorder, StoreUnavailable, memory, type OpenStorage, type StateStore } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { LeaseHolder, type HeldLease, type StateTransaction } from '@backstory/core/state';
import { DomainEvent, EventTypes } from '@backstory/events';
import { projection } from '../definition/functional-projection.js';
import { modelOf } from '../definition/projection-source.js';
import { readControl, withGeneration, writeControl, type Control } from '../generation/control.js';
import { placesOf } from '../generation/places.js';
import { readProgress, readTrouble } from '../generation/progress.js';
import { eventually } from '../../../../test/support/eventually.js';
import { register } from '../generation/register.js';
import type { FeedingEnd } from './feeder-parts.js';
import { Feeder } from './feeder.js';

@DomainEvent('thing.counted')
class Counted {
  constructor(readonly n: number) {}
}

let bug: ((n: number) => void) | undefined;
let folded: number[];
/** What became of batches, by the position of their first event. */
let told: string[];
const model = modelOf(
  projection('sums', {
    version: 1,
    initial: { sum: 0 },
    events: { Counted },
    fold: {
      Counted: ({ sum }, { n }) => {
        folded.push(n);
        bug?.(n);
        return { sum: sum + n };
      },
    },
  }),
);
const places = placesOf('sums');
const types = new EventTypes([Counted]);

let storage: OpenStorage;
let leases: LeaseHolder;
const feeders: { readonly feeder: Feeder; readonly end: Promise<FeedingEnd> }[] = [];
beforeEach(async () => {
  bug = undefined;
  folded = [];
  told = [];
  storage = await memory().open();
  leases = new LeaseHolder(storage.state);
  await record(1, 2, 3);
});
afterEach(async () => {
  for (const { feeder, end } of feeders.splice(0)) {
    feeder.stop();
    await end;
  }
  await leases.close();
  await storage.close();
});

async function record(...numbers: number[]): Promise<void> {
  const events = numbers.map((n) => types.encode(new Counted(n)));
  await new Recorder(storage.events, { source: 'test' }).record([
    { stream: 'thing-1', expected: 'any', events },
  ]);
}

const observer: Observer = {
  ...silent,
  project: async (begin, work) => {
    const { from } = begin();
    const outcome = { of: 'no end' };
    try {
      return await work((end) => (outcome.of = end().isDropped ? 'dropped' : 'applied'));
    } catch (error) {
      outcome.of = 'failed';
      throw error;
    } finally {
      told.push(`${from} ${outcome.of}`);
    }
  },
};

async function start(lease: HeldLease, { state = storage.state }: { readonly state?: StateStore } = {}) {
  const { control } = await register(storage.state, model);
  const hindered: (string | undefined)[] = [];
  const woken: (() => void)[] = [];
  const [progressed, again] = [1, 2].map(() => new Promise<void>((resolve) => void woken.push(resolve)));
  const feeder = new Feeder({
    ...{ model, places, lease, state, events: storage.events, owner: 'me', observer },
    generation: control.generations[0]!,
    progressed: () => woken.shift()?.(),
    hindered: (reason) => void hindered.push(reason),
  });
  const end = feeder.run();
  feeders.push({ feeder, end });
  return { end, hindered, progressed: progressed!, again: again! };
}

const stored = () => storage.state.read((view) => view.get(places.documents(1), 'thing-1'));
const through = () =>
  storage.state.read(async (view) => (await readProgress(view, places, 1))?.checkpoint.through);

it('a former owner that wakes up writes nothing, whatever it believes', async () => {
  const held = (await leases.acquire(places.lease(1)))!;
  const stale: HeldLease = {
    name: held.name,
    token: held.token,
    isHeld: true,
    signal: new AbortController().signal,
  };
  await leases.release(held);
  const other = new LeaseHolder(storage.state);
  expect((await other.acquire(places.lease(1)))!.token).toBeGreaterThan(stale.token);
  const { end, progressed } = await start(stale);
  const ended = await Promise.race([end, progressed]);
  await other.close();
  expect(ended).toEqual({ end: 'lost' });
  expect([await stored(), await through()]).toEqual([undefined, undefined]);
});

it.each([
  [
    'paused',
    (control: Control) => ({ ...control, paused: { actor: 'ann', at: '2026-11-20T12:00:00.000Z' } }),
  ],
  [
    'retired',
    (control: Control) => withGeneration(control, { ...control.generations[0]!, role: 'retired' as const }),
  ],
  ['dropped', (control: Control) => ({ ...control, generations: [] })],
])('once it is %s nothing more is written, whoever holds the lease', async (_, change) => {
  const { end, progressed, again } = await start((await leases.acquire(places.lease(1)))!);
  await progressed;
  await storage.state.transaction([], async (tx) => {
    await writeControl(tx, 'sums', change((await readControl(tx, 'sums'))!));
  });
  await record(10);
  expect(await Promise.race([end, again])).toEqual({ end: 'lost' });
  expect([await stored(), await through()]).toEqual(['{"sum":6}', 3]);
});

/** Has generations meet, or part. */
const meet = (meeting: Control['meeting']) =>
  storage.state.transaction([], async (tx) => {
    const { meeting: _, ...own } = (await readControl(tx, 'sums'))!;
    await writeControl(tx, 'sums', { ...own, ...(meeting && { meeting }) });
  });

it('it goes no further than where generations meet, until they part', async () => {
  await register(storage.state, model);
  const held = (await leases.acquire(places.meeting))!;
  await meet({ position: 2, token: held.token });
  const { progressed, again } = await start((await leases.acquire(places.lease(1)))!);
  await progressed;
  expect([await stored(), await through()]).toEqual(['{"sum":3}', 2]);
  await meet(undefined);
  await again;
  expect([await stored(), await through()]).toEqual(['{"sum":6}', 3]);
});

it('it goes on once whoever has generations meet gives no sign of life, though another one has the lease of it by now', async () => {
  await register(storage.state, model);
  const gone = (await storage.state.acquire(places.meeting, { owner: 'gone', ttlMs: 300 }))!;
  await meet({ position: 2, token: gone.token });
  const { progressed, again } = await start((await leases.acquire(places.lease(1)))!);
  await progressed;
  expect(await through()).toBe(2);
  await eventually(() => leases.acquire(places.meeting));
  await again;
  expect([await stored(), await through()]).toEqual(['{"sum":6}', 3]);
  expect(await storage.state.read((view) => readControl(view, 'sums'))).not.toHaveProperty('meeting');
});

it('an event that fails is tried alone, and what is before it is committed once', async () => {
  bug = (n) => {
    if (n === 3) throw new Error('three');
  };
  const { end } = await start((await leases.acquire(places.lease(1)))!);
  expect(await end).toMatchObject({
    end: 'faulted',
    error: { position: 3, handler: 'Counted', eventType: 'thing.counted' },
  });
  expect([await stored(), await through()]).toEqual(['{"sum":3}', 2]);
  const trouble = await storage.state.read((view) => readTrouble(view, places, 1));
  expect(trouble).toMatchObject({ state: 'faulted', code: 'BACKSTORY_PROJECTION_FAILED', owner: 'me' });
  expect(folded.filter((n) => n === 3)).toHaveLength(2);
});

/** Feeds code that makes a document of the nth event that cannot be stored, and another one of each event after it. */
async function oddFrom(nth: number): Promise<FeedingEnd> {
  const odd = modelOf(
    projection('sums', {
      version: 1,
      initial: { sum: 0 },
      events: { Counted },
      fold: { Counted: ({ sum }, { n }) => ({ sum: n === nth ? NaN : sum + n }) },
    }),
  );
  const lease = (await leases.acquire(places.lease(1)))!;
  const { control } = await register(storage.state, odd);
  const { state, events } = storage;
  const feeder = new Feeder({
    ...{ model: odd, places, lease, state, events, owner: 'me', observer },
    generation: control.generations[0]!,
    progressed: () => undefined,
    hindered: () => undefined,
  });
  return feeder.run();
}

it.each([1, 2, 3])(
  'a document that cannot be stored stops it before event %d, which made it so, whatever follows',
  async (nth) => {
    expect(await oddFrom(nth)).toMatchObject({
      end: 'faulted',
      error: { position: nth, reason: expect.stringContaining('sums.sum') },
    });
    const before = [undefined, '{"sum":1}', '{"sum":3}'][nth - 1];
    expect([await stored(), (await through()) ?? 0]).toEqual([before, nth - 1]);
  },
);

it('of many events the one that is to blame is found in a few tries', async () => {
  await record(...Array.from({ length: 2_000 }, (_, i) => i + 4));
  expect(await oddFrom(1_234)).toMatchObject({ end: 'faulted', error: { position: 1_234 } });
  expect(await through()).toBe(1_233);
  expect(told.filter((it) => it.endsWith('failed')).length).toBeLessThan(20);
});

it('what cannot be reached is tried again, from what is committed', async () => {
  let failures = 3;
  const { state } = storage;
  const flaky: StateStore = Object.assign(Object.create(state) as StateStore, {
    transaction: <T>(fences: readonly HeldLease[], work: (tx: StateTransaction) => Promise<T>) =>
      failures-- > 0
        ? Promise.reject(new StoreUnavailable('memory', 'gone'))
        : state.transaction(fences, work),
  });
  const { hindered, progressed } = await start((await leases.acquire(places.lease(1)))!, { state: flaky });
  await progressed;
  expect(hindered).toEqual([expect.stringContaining('gone'), undefined]);
  expect([await stored(), await through()]).toEqual(['{"sum":6}', 3]);
  expect(await storage.state.read((view) => readTrouble(view, places, 1))).toBeUndefined();
});

/** A state store whose first transaction waits until it is let go, or made to fail. */
function stalling(store: StateStore) {
  let reached: () => void = () => undefined;
  let release: (failure?: Error) => void = () => undefined;
  const isReached = new Promise<void>((resolve) => (reached = resolve));
  const held = new Promise<Error | undefined>((resolve) => (release = resolve));
  let isFirst = true;
  const state: StateStore = Object.assign(Object.create(store) as StateStore, {
    transaction: async <T>(fences: readonly HeldLease[], work: (tx: StateTransaction) => Promise<T>) => {
      if (isFirst) {
        isFirst = false;
        reached();
        const failure = await held;
        if (failure) throw failure;
      }
      return store.transaction(fences, work);
    },
  });
  return { state, isReached, release };
}

describe('while a batch is being committed', () => {
  const isFolded = (n: number) => eventually(() => folded.includes(n));

  it('the next one is folded, and written after it', async () => {
    const { state, isReached, release } = stalling(storage.state);
    await start((await leases.acquire(places.lease(1)))!, { state });
    await isReached;
    await record(10);
    await isFolded(10);
    expect([await stored(), await through()]).toEqual([undefined, undefined]);
    release();
    await eventually(async () => (await through()) === 4);
    expect(await stored()).toBe('{"sum":16}');
    expect(folded).toEqual([1, 2, 3, 10]);
    await eventually(() => told.length === 2);
    expect(told).toEqual(['1 applied', '4 applied']);
  });

  it('and that fails, what was folded meanwhile counts for nothing, and is told as no failure', async () => {
    const { state, isReached, release } = stalling(storage.state);
    const { hindered } = await start((await leases.acquire(places.lease(1)))!, { state });
    await isReached;
    await record(10);
    await isFolded(10);
    release(new StoreUnavailable('memory', 'gone'));
    await eventually(async () => (await through()) === 4);
    expect(await stored()).toBe('{"sum":16}');
    expect(hindered).toEqual([expect.stringContaining('gone'), undefined]);
    expect(told.slice(0, 2)).toEqual(['1 failed', '4 dropped']);
  });

  it('and that fails with nothing after it, it is noticed', async () => {
    const { state, isReached, release } = stalling(storage.state);
    const { hindered, progressed } = await start((await leases.acquire(places.lease(1)))!, { state });
    await isReached;
    release(new StoreUnavailable('memory', 'gone'));
    await progressed;
    expect(hindered).toEqual([expect.stringContaining('gone'), undefined]);
    expect([await stored(), await through()]).toEqual(['{"sum":6}', 3]);
  });

  it('an event of the next one fails: what is before it is committed all the same', async () => {
    const { state, isReached, release } = stalling(storage.state);
    bug = (n) => {
      if (n === 10) throw new Error('ten');
    };
    const { end } = await start((await leases.acquire(places.lease(1)))!, { state });
    await isReached;
    await record(10);
    await isFolded(10);
    release();
    expect(await end).toMatchObject({ end: 'faulted', error: { position: 4 } });
    expect([await stored(), await through()]).toEqual(['{"sum":6}', 3]);
  });

  it('and it is stopped, that is waited for', async () => {
    const { state, isReached, release } = stalling(storage.state);
    const { end } = await start((await leases.acquire(places.lease(1)))!, { state });
    await isReached;
    feeders[0]!.feeder.stop();
    release();
    expect(await end).toEqual({ end: 'stopped' });
    expect([await stored(), await through()]).toEqual(['{"sum":6}', 3]);
  });
});

it('a fault that cannot be told in an outage is told after it', async () => {
  bug = (n) => {
    if (n === 3) throw new Error('no threes');
  };
  let failures = 3;
  const { state } = storage;
  const flaky: StateStore = Object.assign(Object.create(state) as StateStore, {
    // What is before the event that fails is committed: then the store goes away.
    transaction: async <T>(fences: readonly HeldLease[], work: (tx: StateTransaction) => Promise<T>) => {
      if ((await through()) === 2 && failures-- > 0) throw new StoreUnavailable('memory', 'gone');
      return state.transaction(fences, work);
    },
  });
  const { end } = await start((await leases.acquire(places.lease(1)))!, { state: flaky });
  expect(await end).toMatchObject({ end: 'faulted', error: { position: 3 } });
  expect(failures).toBeLessThan(0);
  expect(await storage.state.read((view) => readTrouble(view, places, 1))).toMatchObject({
    state: 'faulted',
  });
});

it('a fault that cannot be told because the lease is lost is left to whoever has it', async () => {
  const lease = (await leases.acquire(places.lease(1)))!;
  bug = (n) => {
    if (n === 3) throw new Error('no threes');
  };
  const { state } = storage;
  const lost: StateStore = Object.assign(Object.create(state) as StateStore, {
    transaction: async <T>(fences: readonly HeldLease[], work: (tx: StateTransaction) => Promise<T>) => {
      if ((await through()) === 2) await leases.release(lease);
      return state.transaction(fences, work);
    },
  });
  const { end } = await start(lease, { state: lost });
  expect(await end).toEqual({ end: 'lost' });
});
it('held to a pace, it folds no faster', async () => {
  await record(...Array.from({ length: 37 }, () => 1));
  await register(storage.state, model);
  await storage.state.transaction([], async (tx) => {
    const control = (await readControl(tx, 'sums'))!;
    await writeControl(
      tx,
      'sums',
      withGeneration(control, { ...control.generations[0]!, eventsPerSecond: 100 }),
    );
  });
  const began = performance.now();
  await start((await leases.acquire(places.lease(1)))!);
  await eventually(async () => (await through()) === 40);
  // Ten at a time, and the time of ten after each but the last; timers may be a little early.
  expect(performance.now() - began).toBeGreaterThan(290);
});

describe('documents that are large', () => {
  const LARGE = 200_000;
  /** Each event makes a document of its own. */
  const large = modelOf(
    projection('sums', {
      version: 1,
      key: ({ position }) => `thing-${position}`,
      initial: { text: '' },
      events: { Counted },
      fold: {
        Counted: (_document, { n }) => {
          bug?.(n);
          return { text: 'x'.repeat(LARGE) };
        },
      },
    }),
  );
  /** Characters of each transaction. */
  let written: number[];
  const counting = () =>
    Object.assign(Object.create(storage.state) as StateStore, {
      transaction: <T>(fences: readonly HeldLease[], work: (tx: StateTransaction) => Promise<T>) =>
        storage.state.transaction(fences, (tx) => {
          const counted: StateTransaction = Object.assign(Object.create(tx) as StateTransaction, {
            putMany: (...[collection, rows]: Parameters<StateTransaction['putMany']>) => {
              written.push(rows.reduce((sum, { value }) => sum + value.length, 0));
              return tx.putMany(collection, rows);
            },
          });
          return work(counted);
        }),
    });
  const run = async () => {
    const { control } = await register(storage.state, large);
    const lease = (await leases.acquire(places.lease(1)))!;
    const feeder = new Feeder({
      ...{ model: large, places, lease, state: counting(), events: storage.events, owner: 'me', observer },
      generation: control.generations[0]!,
      progressed: () => undefined,
      hindered: () => undefined,
    });
    const end = feeder.run();
    feeders.push({ feeder, end });
    return end;
  };
  const count = () => storage.state.read((view) => view.count(places.documents(1)));
  beforeEach(async () => {
    written = [];
    await record(...Array.from({ length: 97 }, (_, i) => i + 4));
  });

  it('are written in parts, so that a batch of them is not in memory as a whole', async () => {
    void run();
    await eventually(async () => (await through()) === 100);
    expect(await count()).toBe(100);
    // 4 Mi, and what was folded together with what is above that.
    expect(Math.max(...written)).toBeLessThan(4 * 2 ** 20 + 16 * LARGE);
    expect(written.length).toBeGreaterThan(2);
    await eventually(() => told.length > 0);
    expect(told).toEqual(['1 applied']);
  });

  it('are kept up to the event that fails, in whichever part that is', async () => {
    bug = (n) => {
      if (n === 60) throw new Error('sixty');
    };
    expect(await run()).toMatchObject({ end: 'faulted', error: { position: 60 } });
    expect([await through(), await count()]).toEqual([59, 59]);
  });
});

it('a log that is another one stops it visibly', async () => {
  const first = await start((await leases.acquire(places.lease(1)))!);
  await first.progressed;
  feeders[0]!.feeder.stop();
  await first.end;
  const another = await memory().open();
  storage = { ...another, state: storage.state };
  await record(7, 8, 9, 10);
  const { end } = await start((await leases.acquire(places.lease(1)))!);
  expect(await end).toMatchObject({ end: 'faulted', error: { code: 'BACKSTORY_LOG_DIVERGED' } });
  expect(await stored()).toBe('{"sum":6}');
  await another.close();
});
