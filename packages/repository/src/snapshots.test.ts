import { setImmediate as turn } from 'node:timers/promises';
import {
  Recorder,
  type EventStore,
  type LogIdentity,
  type StateStore,
  type StreamSlice,
} from '@backstory/core';
import {
  silent,
  type LoadEnd,
  type Observer,
  type SnapshotEnd,
  type SnapshotStart,
} from '@backstory/core/observe';
import { MemoryStateStore } from '@backstory/core/state';
import { MemoryEventStore } from '@backstory/core/store';
import { Aggregate, EventSourcedAggregate, type StateOptions } from '@backstory/aggregate';
import {
  Big,
  DomainEvent,
  EventHandler,
  Field,
  Fields,
  bigint,
  decimal,
  instant,
  listOf,
  mapOf,
  nested,
  setOf,
  type Class,
} from '@backstory/events';
import * as fc from 'fast-check';
import { Repository, type RepositoryOptions } from './repository.js';
import { StateCache } from './state-cache.js';

@DomainEvent('account.deposited')
class Deposited {
  constructor(readonly amount: number) {}
}
abstract class AnyAccount extends EventSourcedAggregate {
  abstract deposit(amount: number, times?: number): void;
  abstract balance: number;
  abstract history: number[];
}

/** What a handler calls, and what no shape can see. */
const world = { fee: 0 };

function accountClass(options: StateOptions): Class<AnyAccount> {
  @Aggregate('account', options)
  class Account extends AnyAccount {
    balance = 0;
    history: number[] = [];
    deposit(amount: number, times = 1): void {
      for (let i = 0; i < times; i++) this.raise(new Deposited(amount));
    }
    @EventHandler(Deposited) protected deposited({ amount }: Deposited): void {
      this.balance += amount - world.fee;
      this.history = [...this.history.slice(-2), amount];
    }
  }
  return Account;
}
const Account = accountClass({ snapshots: { every: 10, keep: 3 } });
const Changed = accountClass({ version: 2, snapshots: { every: 10, keep: 3 } });
const Plain = accountClass({});

type Told = Partial<SnapshotStart & SnapshotEnd> & { readonly error?: unknown };

/** Keeps what is told of loads and of snapshots. */
function listening() {
  const loads: LoadEnd[] = [];
  const told: Told[] = [];
  const observer: Observer = {
    ...silent,
    load: (_, work) => work((facts) => void loads.push(facts())),
    snapshot: async (start, work) => {
      const row: Record<string, unknown> = { ...start() };
      try {
        return await work((facts) => void Object.assign(row, facts()));
      } catch (error) {
        row['error'] = error;
        throw error;
      } finally {
        told.push(row);
      }
    },
  };
  return { loads, told, observer };
}

function aLog() {
  let now = Date.UTC(2026, 0, 1);
  const store = new MemoryEventStore({ now: () => (now += 1_000) });
  return { store, state: new MemoryStateStore() };
}

function repositoryOf(
  cls: Class<AnyAccount>,
  { store, ...others }: { store: EventStore } & Partial<RepositoryOptions>,
): Repository<AnyAccount> {
  return new Repository(cls, { store, recorder: new Recorder(store, { source: 'bank' }), ...others });
}

/** The same as the first log, to all that it says of itself. */
class Restored extends MemoryEventStore {
  constructor(
    private readonly first: EventStore,
    options?: { readonly now: () => number },
  ) {
    super(options);
  }
  override async identity(): Promise<LogIdentity> {
    return { ...(await super.identity()), logId: (await this.first.identity()).logId };
  }
}

async function snapshotsIn(state: StateStore) {
  const entries = await state.read((view) => view.list('backstory.snapshots'));
  return entries.map(({ key, value }) => ({ version: Number(key.slice(-16)), value }));
}
const versionsIn = async (state: StateStore) => (await snapshotsIn(state)).map(({ version }) => version);
const deposit = (accounts: Repository<AnyAccount>, times: number, amount = 1, id = '42') =>
  accounts.update(id, (account) => account.deposit(amount, times), { create: true });

async function inProduction<T>(work: () => Promise<T>): Promise<T> {
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = 'production';
  try {
    return await work();
  } finally {
    process.env['NODE_ENV'] = before;
  }
}

afterEach(() => {
  world.fee = 0;
});

describe('a snapshot', () => {
  it('is left behind by a load that had to fold enough events, and the next load begins with it', async () => {
    const { store, state } = aLog();
    const { loads, told, observer } = listening();
    const accounts = repositoryOf(Account, { store, state, observer });
    await deposit(accounts, 25);
    expect(await versionsIn(state)).toEqual([]);
    await accounts.load('42');
    await accounts.close();
    expect(await versionsIn(state)).toEqual([25]);
    await deposit(accounts, 3);
    const account = await accounts.load('42');
    expect(account).toMatchObject({ version: 28, balance: 28, history: [1, 1, 1] });
    expect(loads.at(-1)).toEqual({ version: 28, eventsFolded: 3, from: 'snapshot', snapshotVersion: 25 });
    expect(told.filter((it) => it.operation === 'save')).toMatchObject([
      { aggregate: 'Account', stream: 'account-42', result: 'written', bytes: expect.any(Number) },
    ]);
    expect(told.filter((it) => it.operation === 'load').map((it) => it.result)).toEqual([
      'miss',
      'miss',
      'hit',
      'hit',
    ]);
  });

  it('is begun with also for the past, the nearest one before it', async () => {
    const { store, state } = aLog();
    const { loads, observer } = listening();
    const accounts = repositoryOf(Account, { store, state, observer });
    for (let i = 0; i < 4; i++) {
      await deposit(accounts, 10);
      await accounts.load('42');
    }
    for (let version = 1; version <= 40; version++) {
      expect(await accounts.load('42', { atVersion: version })).toMatchObject({ version, balance: version });
    }
    const from = loads.slice(-40).map((it) => it.snapshotVersion);
    const kept = await versionsIn(state);
    expect(kept).toHaveLength(3);
    expect(from).toEqual(
      Array.from({ length: 40 }, (_, i) => kept.filter((version) => version <= i + 1).at(-1)),
    );
    const past = await accounts.load('42', { atVersion: 20 });
    expect(() => past.deposit(1)).toThrow('was loaded as it was at version 20 and is read-only');
    await expect(accounts.load('42', { atVersion: 41 })).rejects.toThrow(
      'is at version 40, so it has no version 41',
    );
  });

  it('is begun with for a time only when its event was recorded by then', async () => {
    const { store, state } = aLog();
    const { loads, told, observer } = listening();
    const accounts = repositoryOf(Account, { store, state, observer });
    const times: Date[] = [];
    for (let i = 0; i < 3; i++) {
      const { position } = await deposit(accounts, 10);
      for await (const { events } of store.readAll({ after: position - 1 }))
        times.push(events[0]!.recordedAt);
      await accounts.load('42');
    }
    await accounts.close();
    const at = async (time: number) => (await accounts.find('42', { at: new Date(time) }))?.balance;
    expect(await at(times[1]!.getTime())).toBe(20);
    expect(loads.at(-1)).toMatchObject({ snapshotVersion: 20 });
    expect(await at(times[1]!.getTime() - 1)).toBe(10);
    expect(loads.at(-1)).toMatchObject({ snapshotVersion: 10, eventsFolded: 0 });
    expect(await at(times[0]!.getTime() - 1)).toBeUndefined();
    expect(loads.at(-1)).toMatchObject({ from: 'stream' });
    // Those of a later time are as good as before.
    expect(told.map((it) => it.result)).not.toContain('stale');
    expect(await versionsIn(state)).toEqual([10, 20, 30]);
  });

  it('of other code is not read, and both stay', async () => {
    const { store, state } = aLog();
    const { loads, observer } = listening();
    const [now, then] = [
      repositoryOf(Changed, { store, state, observer }),
      repositoryOf(Account, { store, state, observer }),
    ];
    await deposit(then, 10);
    await then.load('42');
    await deposit(then, 10);
    await then.close();
    await now.load('42');
    expect(loads.at(-1)).toMatchObject({ from: 'stream', eventsFolded: 20 });
    await now.close();
    expect((await versionsIn(state)).sort()).toEqual([10, 20]);
    await now.load('42');
    expect(loads.at(-1)).toMatchObject({ from: 'snapshot', snapshotVersion: 20 });
    await then.load('42');
    expect(loads.at(-1)).toMatchObject({ from: 'snapshot', snapshotVersion: 10 });
  });

  it('of code that is gone goes, too, in time', async () => {
    const { store, state } = aLog();
    for (let version = 1; version <= 6; version++) {
      const accounts = repositoryOf(accountClass({ version, snapshots: { every: 10, keep: 2 } }), {
        store,
        state,
      });
      await deposit(accounts, 10);
      await accounts.load('42');
      await accounts.close();
    }
    expect((await versionsIn(state)).sort((a, b) => a - b)).toEqual([40, 50, 50, 60]);
  });

  it('is not written where nothing may be', async () => {
    const { store, state } = aLog();
    await deposit(repositoryOf(Plain, { store }), 20);
    const accounts = repositoryOf(Account, { store, state, readOnly: true });
    await accounts.load('42');
    await accounts.close();
    expect(await versionsIn(state)).toEqual([]);
  });

  it('does not hold up a load, and close waits for it', async () => {
    const { store, state } = aLog();
    const accounts = repositoryOf(Account, { store, state });
    await deposit(accounts, 10);
    let open = (): void => undefined;
    const held = state.transaction([], () => new Promise<void>((resolve) => (open = resolve)));
    expect(await accounts.load('42')).toMatchObject({ version: 10 });
    let isClosed = false;
    const closing = accounts.close().then(() => (isClosed = true));
    await turn();
    expect(isClosed).toBe(false);
    open();
    await Promise.all([held, closing]);
    expect(await versionsIn(state)).toEqual([10]);
  });

  it('is left also by a load inside a state transaction, after that', async () => {
    const { store, state } = aLog();
    const accounts = repositoryOf(Account, { store, state });
    await deposit(accounts, 10);
    await state.transaction([], async () => void (await accounts.load('42')));
    await accounts.close();
    expect(await versionsIn(state)).toEqual([10]);
  });

  it('is written whole by two who write it at once', async () => {
    const { store, state } = aLog();
    await deposit(repositoryOf(Plain, { store }), 20);
    const both = [1, 2].map(() => repositoryOf(Account, { store, state }));
    await Promise.all(both.map((it) => it.load('42')));
    await Promise.all(both.map((it) => it.close()));
    expect(await versionsIn(state)).toEqual([20]);
    expect(await repositoryOf(Account, { store, state }).load('42')).toMatchObject({ balance: 20 });
  });

  it('is not left by loads after the repository was closed', async () => {
    const { store, state } = aLog();
    const accounts = repositoryOf(Account, { store, state });
    await deposit(accounts, 10);
    await accounts.close();
    await accounts.load('42');
    expect(await versionsIn(state)).toEqual([]);
  });
});

describe('a state store that fails', () => {
  const failing = (how: Partial<StateStore>, state: StateStore): StateStore =>
    Object.assign(Object.create(state) as StateStore, how);
  const refuse = async () => Promise.reject(new Error('too large'));

  it('does not fail a load or a save, and the observer is told', async () => {
    const { store, state } = aLog();
    const { told, observer } = listening();
    const accounts = repositoryOf(Account, {
      store,
      state: failing({ transaction: refuse }, state),
      observer,
    });
    await deposit(accounts, 10);
    await deposit(accounts, 10);
    expect(await accounts.load('42')).toMatchObject({ version: 20, balance: 20 });
    await accounts.close();
    expect(told).toContainEqual(
      expect.objectContaining({
        operation: 'save',
        error: expect.objectContaining({ message: 'too large' }),
      }),
    );
  });

  it('is not needed to load, also where it does not even start; it is asked again by the next load', async () => {
    const { store, state } = aLog();
    await deposit(repositoryOf(Plain, { store }), 20);
    for (const how of [{ read: refuse }, { start: refuse }]) {
      const { told, observer } = listening();
      const unreliable = failing(how, state);
      const accounts = repositoryOf(Account, { store, state: unreliable, observer });
      expect(await accounts.load('42')).toMatchObject({ balance: 20 });
      expect(told[0]).toMatchObject({ operation: 'load', error: { message: 'too large' } });
      Object.keys(how).forEach((key) => delete unreliable[key as keyof StateStore]);
      await accounts.load('42');
      expect(told.filter((it) => it.operation === 'load').at(-1)).not.toHaveProperty('error');
      await accounts.close();
    }
  });

  it('that does not keep up is given no more than it can take, and that is told', async () => {
    const { store, state } = aLog();
    const { told, observer } = listening();
    const accounts = repositoryOf(Account, { store, state, observer });
    const ids = Array.from({ length: 80 }, (_, i) => String(i));
    for (const id of ids) await deposit(accounts, 10, 1, id);
    let open = (): void => undefined;
    const held = state.transaction([], () => new Promise<void>((resolve) => (open = resolve)));
    for (const id of ids) await accounts.load(id);
    open();
    await Promise.all([held, accounts.close()]);
    const saves = told.filter((it) => it.operation === 'save').map((it) => it.reason ?? it.result);
    expect(saves.filter((it) => it === 'written')).toHaveLength(64);
    expect(saves.filter((it) => it === 'too many are waiting to be written')).toHaveLength(16);
  });

  it.each([
    ['is no JSON', () => '{"format":"backstory.snapshot/1","stream'],
    ['is of a later release', (text: string) => text.replace('snapshot/1', 'snapshot/2')],
    ['has lost a part', (text: string) => text.replace('"last"', '"lost"')],
    ['is of another stream', (text: string) => text.replace('account-42', 'account-43')],
    ['is of other code', (text: string) => text.replace(/"shape":"./, '"shape":"x')],
  ])('a snapshot that %s is passed over for an older one, and thrown away', async (_, damage) => {
    const { store, state } = aLog();
    const { loads, told, observer } = listening();
    const accounts = repositoryOf(Account, { store, state, observer });
    for (let i = 0; i < 2; i++) {
      await deposit(accounts, 10);
      await accounts.load('42');
    }
    await accounts.close();
    await state.transaction([], async (tx) => {
      const newest = (await tx.list('backstory.snapshots')).at(-1)!;
      await tx.put('backstory.snapshots', newest.key, damage(newest.value));
    });
    const again = repositoryOf(Account, { store, state, observer });
    expect(await again.load('42')).toMatchObject({ balance: 20 });
    expect(loads.at(-1)).toMatchObject({ from: 'snapshot', snapshotVersion: 10 });
    await again.close();
    expect(told).toContainEqual(expect.objectContaining({ operation: 'load', result: 'stale' }));
    expect(told).toContainEqual(expect.objectContaining({ operation: 'invalidate', result: 'stale' }));
    const kept = await snapshotsIn(state);
    // The load had to fold ten events, so it left a good one in its place.
    expect(kept.map((it) => it.version)).toEqual([10, 20]);
    expect(kept[1]!.value).toMatch(/"format":"backstory.snapshot\/1","stream":"account-42"/);
  });
});

describe('a snapshot of another log', () => {
  const first = async (times: number) => {
    const { store, state } = aLog();
    const accounts = repositoryOf(Account, { store, state });
    await deposit(accounts, times);
    await accounts.load('42');
    await accounts.close();
    return { store, state };
  };
  const later = { now: () => Date.UTC(2026, 6, 1) };

  it('is not even found', async () => {
    const { state } = await first(10);
    const { store } = aLog();
    const { told, observer } = listening();
    const accounts = repositoryOf(Account, { store, state, observer });
    await deposit(accounts, 10, 7);
    expect(await accounts.load('42')).toMatchObject({ balance: 70 });
    expect(told.map((it) => it.result)).not.toContain('stale');
  });

  it('is not used when the log was restored to an earlier time', async () => {
    const { store: lost, state } = await first(10);
    const store = new Restored(lost);
    await deposit(repositoryOf(Plain, { store }), 4);
    const { loads, told, observer } = listening();
    const accounts = repositoryOf(Account, { store, state, observer });
    expect(await accounts.load('42')).toMatchObject({ version: 4, balance: 4 });
    expect(loads.at(-1)).toMatchObject({ from: 'stream' });
    expect(told[0]).toMatchObject({
      result: 'stale',
      reason: 'the log does not have the event that it was taken after',
    });
    await accounts.close();
    expect(await versionsIn(state)).toEqual([]);
    await expect(accounts.load('43')).rejects.toThrow('There is no Account 43');
  });

  it('is not used when the log has other events at the same versions', async () => {
    const { store: lost, state } = await first(10);
    const store = new Restored(lost);
    await deposit(repositoryOf(Plain, { store }), 10, 7);
    const accounts = repositoryOf(Account, { store, state });
    expect(await accounts.load('42')).toMatchObject({ version: 10, balance: 70 });
    expect(await accounts.load('42', { atVersion: 10 })).toMatchObject({ balance: 70 });
  });

  it('is not used when a command that was done again has the id it had, after other events', async () => {
    const fill = async (store: EventStore, amount: number) => {
      const accounts = repositoryOf(Plain, { store });
      await deposit(accounts, 9, amount);
      return accounts.update('42', (account) => account.deposit(1), { commandId: 'the tenth' });
    };
    const { store: lost, state } = aLog();
    const { ids } = await fill(lost, 1);
    const before = repositoryOf(Account, { store: lost, state });
    await before.load('42');
    await before.close();
    expect(await versionsIn(state)).toEqual([10]);
    const store = new Restored(lost, later);
    expect((await fill(store, 7)).ids).toEqual(ids);
    expect(await repositoryOf(Account, { store, state }).load('42')).toMatchObject({
      version: 10,
      balance: 64,
    });
  });
});

describe('a load that a kept state would make wrong', () => {
  const spoilt = async () => {
    const { store, state } = aLog();
    const accounts = repositoryOf(Account, { store, state });
    for (const id of ['1', '2', '3']) {
      await deposit(accounts, 10, 5, id);
      await accounts.load(id);
    }
    await accounts.close();
    // As if the next release had another fee, in a function that no handler shows.
    world.fee = 1;
    return { store, state };
  };

  it('gives what the events give, in production, and nothing kept is believed any more', async () => {
    const { store, state } = await spoilt();
    const { loads, told, observer } = listening();
    await inProduction(async () => {
      const accounts = repositoryOf(Account, {
        store,
        state,
        observer,
        verifyLoads: 0,
        cache: new StateCache(),
      });
      const account = await accounts.load('1');
      expect(account).toMatchObject({ version: 10, balance: 40 });
      account.deposit(1);
      await accounts.save(account);
      expect(await accounts.load('2')).toMatchObject({ balance: 40 });
      expect(await accounts.load('3')).toMatchObject({ balance: 40 });
      await accounts.close();
    });
    expect(loads.map((it) => it.from)).toEqual(['snapshot', 'stream', 'stream']);
    expect(told.filter((it) => it.operation === 'invalidate')).toMatchObject([
      { stream: 'account-1', result: 'refused', reason: expect.stringContaining('(balance)') },
    ]);
    // Those of the stream that showed it are gone.
    expect(await snapshotsIn(state)).toHaveLength(2);
  });

  it('is refused outside production, and gives what the events give from then on', async () => {
    const { store, state } = await spoilt();
    const accounts = repositoryOf(Account, { store, state });
    await expect(accounts.load('1')).rejects.toMatchObject({
      code: 'BACKSTORY_SNAPSHOT_MISMATCH',
      stream: 'account-1',
      version: 10,
      snapshot: 10,
      properties: ['balance'],
      message: expect.stringContaining('raise the version in @Aggregate'),
    });
    expect(await accounts.load('1')).toMatchObject({ balance: 40 });
    expect(await accounts.load('2')).toMatchObject({ balance: 40 });
  });

  it('of the past stays read-only', async () => {
    const { store, state } = await spoilt();
    await inProduction(async () => {
      const account = await repositoryOf(Account, { store, state }).load('1', { atVersion: 10 });
      expect(account.balance).toBe(40);
      expect(() => account.deposit(1)).toThrow('at version 10 and is read-only');
    });
  });

  it('is found also after the first one, by chance as often as is said', async () => {
    const { store, state } = aLog();
    const accounts = repositoryOf(Account, { store, state, verifyLoads: 1 });
    await deposit(accounts, 10);
    await accounts.load('42');
    await accounts.load('42');
    world.fee = 1;
    await expect(accounts.load('42')).rejects.toThrow('is not what its events make of it');
    const unchecked = repositoryOf(Account, { store, state, verifyLoads: 0 });
    world.fee = 0;
    await deposit(unchecked, 10);
    await unchecked.load('42');
    await unchecked.load('42');
    world.fee = 1;
    expect(await unchecked.load('42')).toMatchObject({ balance: 20 });
  });

  it('is found also where the fold cannot go on from it', async () => {
    const { store, state } = aLog();
    const accounts = repositoryOf(Account, { store, state });
    await deposit(accounts, 10);
    await accounts.load('42');
    await accounts.close();
    await deposit(repositoryOf(Plain, { store }), 1);
    await state.transaction([], async (tx) => {
      const [{ key, value } = { key: '', value: '' }] = await tx.list('backstory.snapshots');
      await tx.put('backstory.snapshots', key, value.replace('"history":[1,1,1]', '"history":null'));
    });
    await inProduction(async () => {
      expect(await accounts.load('42')).toMatchObject({ balance: 11, history: [1, 1, 1] });
    });
    await expect(repositoryOf(Account, { store, state }).load('42')).rejects.toThrow(
      'cannot fold account.deposited',
    );
  });

  it.each([-1, 2, NaN, '1'])('a share of %p is none', (verifyLoads) => {
    expect(() => repositoryOf(Account, { ...aLog(), verifyLoads: verifyLoads as number })).toThrow(
      'verifyLoads: must be a number from 0 to 1',
    );
  });
});

describe('a command that is done again', () => {
  const setUp = async (options: Partial<RepositoryOptions>) => {
    const { store, state } = aLog();
    const accounts = repositoryOf(Account, { store, state, ...options });
    await deposit(accounts, 5);
    const update = (run = (account: AnyAccount) => account.deposit(3)) =>
      accounts.update('42', run, { commandId: 'c-1' });
    const first = await update();
    await deposit(accounts, 20);
    await accounts.load('42');
    await accounts.load('42');
    return { store, first, update };
  };

  it.each([
    ['a snapshot', {}],
    ['the cache', { cache: new StateCache() }],
  ])('is recognised though its events are before the state in %s', async (_, options) => {
    const { first, update } = await setUp(options);
    const run = jest.fn();
    expect(await update(run)).toMatchObject({ version: first.version, ids: first.ids, repeated: true });
    expect(run).not.toHaveBeenCalled();
  });

  it('is recognised also where the store cannot look for ids', async () => {
    const { store, first, update } = await setUp({ cache: new StateCache() });
    Object.assign(store, { capabilities: { ...store.capabilities, unindexed: ['ids'] } });
    jest.spyOn(store, 'readAll').mockImplementation(() => {
      throw new Error('not without { scan: true }');
    });
    expect(await update()).toMatchObject({ ids: first.ids, repeated: true });
  });
});

describe('the cache', () => {
  it('saves reading and folding what was folded before, and is never behind what others record', async () => {
    const { store } = aLog();
    const { loads, observer } = listening();
    const accounts = repositoryOf(Plain, { store, observer, cache: new StateCache() });
    await deposit(accounts, 30);
    await accounts.load('42');
    const read = jest.spyOn(store, 'readStream');
    const mine = await accounts.load('42');
    expect(loads.at(-1)).toEqual({ version: 30, eventsFolded: 0, from: 'cache', snapshotVersion: 30 });
    const slices = read.mock.calls.map(([, slice]) => slice as StreamSlice);
    // The second one checks it.
    expect(slices).toEqual([{ after: 29 }, { upTo: 30 }]);
    await deposit(repositoryOf(Plain, { store }), 2, 5);
    expect(await accounts.load('42')).toMatchObject({ version: 32, balance: 40 });
    expect(loads.at(-1)).toMatchObject({ eventsFolded: 2, from: 'cache', snapshotVersion: 30 });
    mine.deposit(1);
    await expect(accounts.save(mine)).rejects.toThrow('is at version 32, not 30');
  });

  it('gives every load an instance of its own, whatever somebody does to one or keeps of it', async () => {
    const { store } = aLog();
    await inProduction(async () => {
      const accounts = repositoryOf(Plain, { store, cache: new StateCache(), verifyLoads: 0 });
      await deposit(accounts, 30);
      const [one, two] = await Promise.all([accounts.load('42'), accounts.load('42'), accounts.load('42')]);
      expect(one).not.toBe(two);
      one.history.push(99);
      one.balance = 7;
      let kept: AnyAccount | undefined;
      await accounts.update('42', (account) => {
        kept = account;
        account.deposit(1, 20);
        account.balance = 0;
        account.history.length = 0;
      });
      kept!.balance = -1;
      expect(await accounts.load('42')).toMatchObject({ version: 50, balance: 50, history: [1, 1, 1] });
      expect(() => kept!.deposit(1)).toThrow('can raise nothing more');
      const other = await accounts.load('42');
      expect(() => other.deposit(1)).not.toThrow();
    });
  });

  it('takes nothing from an update that failed', async () => {
    const { store } = aLog();
    await inProduction(async () => {
      const accounts = repositoryOf(Plain, { store, cache: new StateCache(), verifyLoads: 0 });
      await deposit(accounts, 30);
      await accounts.load('42');
      const failing = accounts.update('42', (account) => {
        account.deposit(1, 20);
        throw new Error('after all');
      });
      await expect(failing).rejects.toThrow('after all');
      expect(await accounts.load('42')).toMatchObject({ version: 30, balance: 30 });
    });
  });

  it('drops a state that the log does not have', async () => {
    const { store: lost } = aLog();
    const { loads, told, observer } = listening();
    const cache = new StateCache();
    const before = repositoryOf(Plain, { store: lost, cache });
    await deposit(before, 30);
    await before.load('42');
    expect(cache.size).toBe(1);
    const accounts = repositoryOf(Plain, { store: new Restored(lost), cache, observer });
    await expect(accounts.load('42')).rejects.toThrow('There is no Account 42');
    expect(loads.at(-1)).toMatchObject({ from: 'stream', version: 0 });
    await accounts.close();
    expect(told).toMatchObject([{ operation: 'invalidate', result: 'stale' }]);
    expect(cache.size).toBe(0);
  });

  it('serves the past only from what is before it', async () => {
    const { store } = aLog();
    const { loads, observer } = listening();
    const accounts = repositoryOf(Plain, { store, cache: new StateCache(), observer });
    await deposit(accounts, 30);
    await accounts.load('42');
    await deposit(accounts, 10);
    expect(await accounts.load('42', { atVersion: 29 })).toMatchObject({ balance: 29 });
    expect(loads.at(-1)).toMatchObject({ from: 'stream' });
    expect(await accounts.load('42', { atVersion: 35 })).toMatchObject({ balance: 35 });
    expect(loads.at(-1)).toMatchObject({ from: 'cache', snapshotVersion: 30 });
    expect(
      await accounts.load('42', { at: new Date(0), atVersion: 35 }).catch((e: Error) => e.message),
    ).toContain('did not exist yet');
    expect(await accounts.load('42')).toMatchObject({ version: 40 });
  });

  it('spares the state store while it has the state, and writes snapshots all the same', async () => {
    const { store, state } = aLog();
    const { told, observer } = listening();
    const accounts = repositoryOf(Account, { store, state, cache: new StateCache(), observer });
    await deposit(accounts, 20);
    for (let i = 0; i < 30; i++) await deposit(accounts, 1);
    await accounts.close();
    expect(told.filter((it) => it.operation === 'load')).toHaveLength(2);
    expect(told.filter((it) => it.operation === 'save' && it.result === 'written')).toHaveLength(3);
  });

  it('is filled by a snapshot that was found', async () => {
    const { store, state } = aLog();
    const writer = repositoryOf(Account, { store, state });
    await deposit(writer, 20);
    await writer.load('42');
    await writer.close();
    const { loads, observer } = listening();
    const accounts = repositoryOf(Account, { store, state, cache: new StateCache(), observer });
    await accounts.load('42', { atVersion: 20 });
    await accounts.load('42');
    await accounts.load('42');
    expect(loads.map((it) => it.from)).toEqual(['snapshot', 'snapshot', 'cache']);
  });

  it('holds no more than it may, and drops what was not used for longest', () => {
    const cache = new StateCache({ entries: 3, bytes: 100 });
    const put = (stream: string, length: number) =>
      cache.set(stream, { text: 'x'.repeat(length), stored: 0 });
    const has = () => ['a', 'b', 'c', 'd', 'e'].filter((stream) => cache.get(stream) !== undefined);
    ['a', 'b', 'c'].forEach((stream) => put(stream, 10));
    cache.get('a');
    put('d', 10);
    expect(has()).toEqual(['a', 'c', 'd']);
    put('e', 35);
    expect(has()).toEqual(['d', 'e']);
    put('a', 51);
    expect(has()).toEqual(['d', 'e']);
    put('d', 15);
    expect(has()).toEqual(['d', 'e']);
    cache.delete('d');
    cache.delete('d');
    put('b', 15);
    expect(has()).toEqual(['b', 'e']);
  });

  it.each([
    [null, 'cache: must say how much it may hold, e.g. { entries: 1_000 }, or {}.'],
    [true, 'cache: must say how much'],
    [{ size: 5 }, 'cache.size: is no option: give entries or bytes.'],
    [{ entries: 0 }, 'cache.entries: must be a whole number ≥ 1, not 0.'],
    [{ bytes: 1.5 }, 'cache.bytes: must be a whole number ≥ 1, not 1.5.'],
  ])('cannot be %j', (options, message) => {
    expect(() => new StateCache(options as never)).toThrow(
      expect.objectContaining({
        code: 'BACKSTORY_INVALID_OPTION',
        message: expect.stringContaining(message),
      }),
    );
  });
});

describe('a state', () => {
  class Money {
    constructor(
      readonly amount: Big,
      readonly currency?: string,
    ) {}
    get isNothing(): boolean {
      return this.amount.eq(0);
    }
  }
  Fields({ amount: decimal })(Money);
  class Line {
    sku = '';
    note: string | undefined;
  }
  @DomainEvent('thing.happened')
  class Happened {
    constructor(readonly what: string) {}
  }

  /** Everything that can be declared, and what classes may have beside. */
  @Aggregate('thing', { snapshots: { every: 2 } })
  class Thing extends EventSourcedAggregate {
    @Field(instant) at = new Date(5);
    @Field(instant) sameAt?: Date;
    @Field(decimal) total = new Big('0.10');
    @Field(bigint) huge = 1n;
    @Field(mapOf(Money)) prices = new Map<string, Money>();
    @Field(setOf(String)) tags = new Set<string>();
    @Field(listOf(Line, { key: 'sku' })) lines: Line[] = [];
    @Field(nested(Money)) budget: Money | undefined;
    private secret = 1;
    plain: Record<string, unknown> = {};
    nothing: string | undefined;
    declare typeOnly: string;
    odd?: unknown;

    get doubled(): number {
      return this.secret * 2;
    }
    does(...whats: string[]): void {
      for (const what of whats) this.raise(new Happened(what));
    }
    @EventHandler(Happened) protected happened({ what }: Happened): void {
      this.secret++;
      this.at = this.sameAt = new Date(this.secret * 1000);
      this.total = this.total.plus('0.10');
      this.huge *= 7n ** 9n;
      this.prices.set(what, new Money(this.total, 'EUR'));
      this.tags.add(`${what}s`);
      this.lines = [...this.lines, Object.assign(new Line(), { sku: what })];
      this.budget = new Money(this.total, 'USD');
      this.plain = { z: 1, a: [null, { deep: what }], 2: 'two', 1: 'one' };
      ODD[what]?.(this);
    }
  }
  const ODD: Record<string, (thing: Thing & Record<string, any>) => void> = {
    shares: (thing) => (thing.plain = { list: [(thing.odd = {})] }),
    'shares a value': (thing) => thing.prices.set('x', thing.budget!),
    deletes: (thing) => void delete (thing as { nothing?: unknown }).nothing,
    adds: (thing) => (thing['later'] = undefined),
    'goes round': (thing) => (thing.plain['self'] = thing.plain),
    'adds to a decimal': (thing) => Object.assign(thing.total, { label: 'x' }),
    'moves a property': (thing) => {
      delete (thing as { plain?: unknown }).plain;
      thing.plain = {};
    },
  };

  const things = (options: Partial<RepositoryOptions> = {}) => {
    const { store, state } = aLog();
    const { told, loads, observer } = listening();
    const recorder = new Recorder(store, { source: 'things' });
    return {
      told,
      loads,
      store,
      state,
      repository: new Repository(Thing, { store, recorder, state, observer, ...options }),
    };
  };

  it('of any declared kind is restored as it was, and folds on as it would have', async () => {
    const { told, loads, repository } = things();
    const [one, more] = [
      ['a', 'b', 'c'],
      ['d', 'e'],
    ];
    await repository.update('1', (thing) => thing.does(...one), { create: true });
    await repository.load('1');
    await repository.update('1', (thing) => thing.does(...more));
    // Checked against a fold of all events, as all loads outside production.
    const thing = await repository.load('1');
    expect(loads.at(-1)).toMatchObject({ from: 'snapshot', snapshotVersion: 3 });
    const expected = things().repository.create('1');
    expected.does(...one, ...more);
    expect(thing).toStrictEqual(expected);
    expect(Object.keys(thing)).toEqual(Object.keys(expected));
    expect(thing.doubled).toBe(12);
    expect(thing.budget!.isNothing).toBe(false);
    await repository.close();
    expect(told.map((it) => it.result)).not.toContain('refused');
  });

  it.each([
    ['shares', 'plain.list[0] and odd are one object, and would be restored as two'],
    ['shares a value', 'prices.x and budget are one object'],
    ['deletes', 'it would not be restored as it is: nothing'],
    ['adds', 'it would not be restored as it is: later'],
    ['adds to a decimal', 'it would not be restored as it is: total'],
    ['moves a property', 'the order of its properties'],
  ])('that %s, which JSON would lose, is never kept', async (what, reason) => {
    const { told, loads, state, repository } = things({ cache: new StateCache() });
    await repository.update('1', (thing) => thing.does('a', 'b', what), { create: true });
    await repository.load('1');
    await repository.load('1');
    await repository.close();
    expect(loads.map((it) => it.from)).toEqual(['stream', 'stream', 'stream']);
    expect(await snapshotsIn(state)).toEqual([]);
    expect(told).toContainEqual(
      expect.objectContaining({
        operation: 'save',
        result: 'refused',
        reason: expect.stringContaining(reason),
      }),
    );
  });

  it('that goes round in circles after it was kept can be checked all the same', async () => {
    await inProduction(async () => {
      const { loads, repository, store } = things();
      await repository.update('1', (thing) => thing.does('a', 'b'), { create: true });
      await repository.load('1');
      const recorder = new Recorder(store, { source: 'things' });
      const event = { type: 'thing.happened', schemaVersion: 1, data: '{"what":"goes round"}' };
      await recorder.record([{ stream: 'thing-1', expected: 2, events: [event] }]);
      const thing = await repository.load('1');
      expect(thing.plain['self']).toBe(thing.plain);
      expect(loads.at(-1)).toMatchObject({ from: 'snapshot', snapshotVersion: 2 });
    });
  });
});

it('loads with snapshots and a cache are those without, whatever happens in between', async () => {
  const times = fc.integer({ min: 1, max: 30 });
  const id = fc.constantFrom('1', '2');
  const step = fc.oneof(
    fc.record({ do: fc.constant('update' as const), id, times, who: fc.nat(2) }),
    fc.record({ do: fc.constant('fail' as const), id, times, who: fc.nat(2) }),
    fc.record({ do: fc.constant('load' as const), id, who: fc.nat(2) }),
    fc.record({
      do: fc.constant('past' as const),
      id,
      who: fc.nat(2),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    fc.record({ do: fc.constant('restart' as const), who: fc.nat(2) }),
  );
  await inProduction(() =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { store, state } = aLog();
        const plain = repositoryOf(Plain, { store });
        const make = (who: number) =>
          repositoryOf(who === 1 ? Changed : Account, {
            store,
            state,
            verifyLoads: 0,
            ...(who > 0 && { cache: new StateCache({ entries: who }) }),
          });
        const all = [0, 1, 2].map(make);
        let amount = 0;
        const same = (one: AnyAccount | undefined, other: AnyAccount | undefined) => {
          expect({ ...one, version: one?.version }).toEqual({ ...other, version: other?.version });
          // Nothing of what is done to an instance may come back.
          if (one) Object.assign(one, { balance: NaN }).history.push(-1);
        };
        for (const it of steps) {
          const accounts = all[it.who]!;
          if (it.do === 'update') await deposit(accounts, it.times, ++amount, it.id);
          if (it.do === 'fail') {
            const failing = accounts.update(
              it.id,
              (account) => {
                account.deposit(1_000, it.times);
                throw new Error('no');
              },
              { create: true },
            );
            await expect(failing).rejects.toThrow('no');
          }
          if (it.do === 'load') same(await accounts.find(it.id), await plain.find(it.id));
          if (it.do === 'past') {
            const version = (await plain.find(it.id))?.version ?? 0;
            const atVersion = Math.max(1, Math.round(version * it.share));
            same(await accounts.find(it.id, { atVersion }), await plain.find(it.id, { atVersion }));
          }
          if (it.do === 'restart') {
            await accounts.close();
            all[it.who] = make(it.who);
          }
        }
        await Promise.all(all.map((it) => it.close()));
      }),
      { numRuns: 60 },
    ),
  );
});
