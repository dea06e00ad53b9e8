import { Recorder, StoreUnavailable, memory, type OpenStorage, type StateStore } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { LeaseHolder, type HeldLease, type StateTransaction } from '@backstory/core/state';
import { DomainEvent, EventTypes } from '@backstory/events';
import { eventually } from '../../../../test/support/eventually.js';
import { projection } from '../definition/functional-projection.js';
import { modelOf } from '../definition/projection-source.js';
import { readControl, withGeneration, writeControl } from '../generation/control.js';
import { placesOf } from '../generation/places.js';
import { readProgress } from '../generation/progress.js';
import { register } from '../generation/register.js';
import { Runner } from './runner.js';

@DomainEvent('thing.counted')
class Counted {
  constructor(readonly n: number) {}
}

const sums = (version: number) =>
  modelOf(
    projection('sums', {
      version,
      changed: 'swap',
      initial: { sum: 0 },
      events: { Counted },
      fold: { Counted: ({ sum }, { n }) => ({ sum: sum + n }) },
    }),
  );

let storage: OpenStorage;
let told: string[];
let folded: number;
const running: { readonly runner: Runner; readonly leases: LeaseHolder }[] = [];
let leased: string[];
const observer: Observer = {
  ...silent,
  consumer: (facts) => void told.push(facts().change),
  generation: (facts) => void told.push(facts().change),
  lease: (facts) => void leased.push(`${facts().lease} ${facts().change}`),
};
beforeEach(async () => {
  told = [];
  leased = [];
  folded = 0;
  storage = await memory().open();
  await record();
});
afterEach(async () => {
  for (const { runner, leases } of running.splice(0)) {
    await runner.stop();
    await leases.close();
  }
  await storage.close();
});

async function record(): Promise<void> {
  const events = [new EventTypes([Counted]).encode(new Counted(1))];
  await new Recorder(storage.events, { source: 'test' }).record([
    { stream: 'thing-1', expected: 'any', events },
  ]);
}

interface Running {
  readonly state?: StateStore;
  readonly ttlMs?: number;
  readonly only?: number;
}
async function run(
  version: number,
  { state = storage.state, ttlMs = 200, only }: Running = {},
): Promise<Runner> {
  const leases = new LeaseHolder(storage.state, { ttlMs, observer });
  const runner = new Runner({
    ...{ model: sums(version), events: storage.events, state, leases, observer },
    ...(only !== undefined && { only }),
    progressed: () => folded++,
  });
  running.push({ runner, leases });
  await runner.start();
  return runner;
}

const control = () => storage.state.read((view) => readControl(view, 'sums'));

/** Readers keep anybody from changing what is read; what is looked at and tried is written down. */
function busyWithReaders({ state }: OpenStorage) {
  const log: string[] = [];
  const busy = { isBusy: false };
  const watched: StateStore = Object.assign(Object.create(state) as StateStore, {
    read: (work: Parameters<StateStore['read']>[0]) => {
      log.push('look');
      return state.read(work);
    },
    transaction: <T>(fences: readonly HeldLease[], work: (tx: StateTransaction) => Promise<T>) => {
      if (fences.length > 0 || !busy.isBusy) return state.transaction(fences, work);
      log.push('attempt');
      const cause = Object.assign(new Error('lock timeout'), { code: '55P03' });
      return Promise.reject(new StoreUnavailable('postgres', 'lock timeout', { cause }));
    },
  });
  return { state: watched, log, busy };
}

it('a swap by itself is tried once a look, so that nobody waits behind whoever reads for long', async () => {
  const first = await run(1);
  await eventually(async () => (await control())?.live === 1);
  await first.stop();
  const { state, log, busy } = busyWithReaders(storage);
  const registered = storage.state.transaction.bind(storage.state);
  let isBegun = false;
  const second = run(2, {
    state: Object.assign(Object.create(state) as StateStore, {
      // What begins the new generation goes through; whatever swaps it does not.
      transaction: async <T>(
        fences: readonly HeldLease[],
        work: (tx: StateTransaction) => Promise<T>,
      ): Promise<T> => {
        if (isBegun || fences.length > 0) return state.transaction(fences, work);
        isBegun = true;
        const done = await registered(fences, work);
        busy.isBusy = true;
        return done;
      },
    }),
  });
  await second;
  const attempts = () => log.filter((it) => it === 'attempt').length;
  await eventually(() => attempts() >= 3);
  expect(log.join(' ')).not.toContain('attempt attempt');
  await storage.state.transaction([], async (tx) => {
    const paused = { actor: 'ann', at: new Date().toISOString() };
    await writeControl(tx, 'sums', { ...(await readControl(tx, 'sums'))!, paused });
  });
  await eventually(() => told.includes('paused'));
  busy.isBusy = false;
  await storage.state.transaction([], async (tx) => {
    const { paused: _paused, ...rest } = (await readControl(tx, 'sums'))!;
    await writeControl(tx, 'sums', { ...rest, resumed: { actor: 'ann', at: new Date().toISOString() } });
  });
  await eventually(async () => (await control())!.live === 2);
});

it.each([
  ['is filled alone does not take the place by itself: it may be compared meanwhile', 2, 1],
  ['the application runs does', undefined, 2],
] as const)('what %s', async (_, only, live) => {
  await register(storage.state, sums(1));
  await register(storage.state, sums(2));
  const runner = await run(2, { ...(only !== undefined && { only }) });
  await eventually(() => told.includes('filled'));
  // Ends after the look that has noticed it, which is the one that swaps.
  await runner.stop();
  expect((await control())!.live).toBe(live);
});

it('one that waits for its pace goes on as soon as another is asked for', async () => {
  await register(storage.state, sums(1));
  const pace = (eventsPerSecond: number) =>
    storage.state.transaction([], async (tx) => {
      const now = (await readControl(tx, 'sums'))!;
      await writeControl(tx, 'sums', withGeneration(now, { ...now.generations[0]!, eventsPerSecond }));
    });
  const through = async () =>
    (await storage.state.read((view) => readProgress(view, placesOf('sums'), 1)))?.checkpoint.through;
  await record();
  // The second event would come after a quarter of an hour.
  await pace(0.001);
  const runner = await run(1);
  await eventually(async () => (await through()) === 1);
  await pace(1_000);
  runner.look();
  await eventually(async () => (await through()) === 2);
});

it('asked to look again and again, it leaves no timers behind', async () => {
  const runner = await run(1, { ttlMs: 600_000 });
  const timers = () => process.getActiveResourcesInfo().filter((it) => it === 'Timeout').length;
  const before = timers();
  for (let i = 0; i < 50; i++) {
    runner.look();
    await new Promise((next) => setImmediate(next));
  }
  expect(timers()).toBeLessThan(before + 10);
});

it('what is asked for while it looks around is looked at right after', async () => {
  const looks: (() => void)[] = [];
  let isHeld = false;
  const { state } = storage;
  const slow: StateStore = Object.assign(Object.create(state) as StateStore, {
    read: async (work: Parameters<StateStore['read']>[0]) => {
      if (isHeld) await new Promise<void>((go) => looks.push(go));
      return state.read(work);
    },
  });
  const runner = await run(1, { state: slow, ttlMs: 600_000 });
  await eventually(() => folded > 0);
  isHeld = true;
  runner.look();
  await eventually(() => looks.length === 1);
  runner.look();
  looks.shift()!();
  await eventually(() => looks.length === 1);
  isHeld = false;
  looks.shift()!();
});

it('a generation of its version that has other indexes is not fed: it would lack them', async () => {
  const runner = await run(1);
  await eventually(() => runner.fed.includes(1));
  await storage.state.transaction([], async (tx) => {
    const now = (await readControl(tx, 'sums'))!;
    const other = { ...now.generations[0]!, role: 'building' } as const;
    const generations = [
      ...now.generations,
      { ...other, number: 2, indexes: ['sum'] },
      { ...other, number: 3 },
    ];
    await writeControl(tx, 'sums', { ...now, last: 3, generations });
  });
  await eventually(() => runner.fed.includes(3));
  expect(runner.fed).not.toContain(2);
});

it('what is read no more, or is being dropped, is not fed', async () => {
  const runner = await run(1);
  await storage.state.transaction([], async (tx) => {
    const now = (await readControl(tx, 'sums'))!;
    const others = (['retired', 'dropping', 'building'] as const).map((role, i) => {
      return { ...now.generations[0]!, role, number: i + 2 };
    });
    await writeControl(tx, 'sums', { ...now, last: 4, generations: [...now.generations, ...others] });
  });
  await eventually(() => runner.fed.includes(4));
  expect(leased).toEqual([1, 4].map((number) => `projection/sums/${number} acquired`));
});

it('what another process feeds is left to that one, and is no fault', async () => {
  await run(1);
  const second = await run(1);
  expect([second.fed, told, leased]).toEqual([
    [],
    ['created', 'started', 'started'],
    ['projection/sums/1 acquired'],
  ]);
});
