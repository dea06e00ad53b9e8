import { setTimeout as delay } from 'node:timers/promises';
import {
  Context,
  Recorder,
  StoreUnavailable,
  VersionConflict,
  readRecorded,
  type RecordedEvent,
  type StoredEvent,
} from '@backstory/core';
import {
  silent,
  type CommandEnd,
  type CommandStart,
  type LoadEnd,
  type Observer,
} from '@backstory/core/observe';
import { MemoryEventStore } from '@backstory/core/store';
import { Aggregate, EventSourcedAggregate } from '@backstory/aggregate';
import { DomainEvent, EventHandler } from '@backstory/events';
import { UpdateConflict } from './errors.js';
import { Repository } from './repository.js';

@DomainEvent('account.deposited')
class Deposited {
  constructor(
    readonly amount: number,
    readonly nonce?: number,
  ) {}
}
@DomainEvent('account.withdrawn')
class Withdrawn {
  constructor(readonly amount: number) {}
}
class InsufficientFunds extends Error {}

@Aggregate('account')
class Account extends EventSourcedAggregate {
  balance = 0;
  deposit(amount: number, nonce?: number): void {
    this.raise(new Deposited(amount, nonce));
  }
  withdraw(amount: number): number {
    if (amount > this.balance) throw new InsufficientFunds();
    this.raise(new Withdrawn(amount));
    return this.balance;
  }
  @EventHandler(Deposited) protected deposited(event: Deposited): void {
    this.balance += event.amount;
  }
  @EventHandler(Withdrawn) protected withdrawn(event: Withdrawn): void {
    this.balance -= event.amount;
  }
}

function bank(observer: Observer = silent) {
  let now = Date.UTC(2026, 0, 1);
  const store = new MemoryEventStore({ now: () => (now += 1_000) });
  const recorder = new Recorder(store, { source: 'bank', observer });
  const accounts = new Repository(Account, { store, recorder, observer });
  return { store, recorder, accounts };
}
async function eventsOf(store: MemoryEventStore): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const page of store.readAll()) events.push(...page.events);
  return events;
}

/** Three events: +100 at :01, -30 and +5 at :02. */
async function filled() {
  const it = bank();
  await it.accounts.update('42', (account) => account.deposit(100), { create: true });
  await it.accounts.update('42', (account) => [account.withdraw(30), account.deposit(5)]);
  return it;
}

describe('load', () => {
  it('gives the aggregate as it is', async () => {
    const { accounts } = await filled();
    expect(await accounts.load('42')).toMatchObject({ id: '42', version: 3, balance: 75 });
    expect(await accounts.find('42')).toMatchObject({ version: 3 });
  });

  it('gives it as it was at a version', async () => {
    const { accounts } = await filled();
    const balances = await Promise.all(
      [1, 2, 3].map(async (atVersion) => (await accounts.load('42', { atVersion })).balance),
    );
    expect(balances).toEqual([100, 70, 75]);
  });

  it('gives it as it was at a time, which is a time of recording', async () => {
    const { accounts, store } = await filled();
    const [first, second] = (await eventsOf(store)).map(({ recordedAt }) => recordedAt.getTime());
    const versionAt = async (time: number) => (await accounts.find('42', { at: new Date(time) }))?.version;
    expect(await versionAt(first! - 1)).toBeUndefined();
    expect(await versionAt(first!)).toBe(1);
    expect(await versionAt(second! - 1)).toBe(1);
    expect(await versionAt(second!)).toBe(3);
    await expect(accounts.load('42', { at: new Date(first! - 1) })).rejects.toThrow(
      `Account 42 did not exist yet: ask for a time from ${new Date(first!).toISOString()}, when its first event was recorded.`,
    );
  });

  it('gives it as it was at a version or a time, whichever is earlier', async () => {
    const { accounts, store } = await filled();
    const at = (await eventsOf(store))[0]!.recordedAt;
    expect(await accounts.load('42', { atVersion: 3, at })).toMatchObject({ version: 1 });
    expect(await accounts.load('42', { atVersion: 99, at })).toMatchObject({ version: 1 });
    expect(await accounts.load('42', { atVersion: 2, at: new Date() })).toMatchObject({ version: 2 });
  });

  it('refuses what is not there, and says what is', async () => {
    const { accounts } = await filled();
    await expect(accounts.load('43')).rejects.toThrow('There is no Account 43');
    await expect(accounts.load('43', { at: new Date() })).rejects.toThrow('There is no Account 43');
    await expect(accounts.load('43', { atVersion: 1 })).rejects.toThrow('There is no Account 43');
    expect(await accounts.find('43')).toBeUndefined();
    await expect(accounts.load('42', { atVersion: 4 })).rejects.toThrow(
      'account-42 is at version 3, so it has no version 4: choose one from 1 to 3.',
    );
  });

  it.each([0, -1, 1.5, NaN])('version %d is no version', async (atVersion) => {
    const { accounts } = await filled();
    await expect(accounts.load('42', { atVersion })).rejects.toThrow(
      expect.objectContaining({ option: 'atVersion' }),
    );
  });

  it.each<[string, unknown, string]>([
    ['text for a time', { at: '2020-01-01' }, 'at: must be a valid Date, e.g. new Date("2020-01-01").'],
    ['null for a time', { at: null }, 'at: must be a valid Date, e.g.'],
    [
      'an option it does not know',
      { version: 1 },
      'version: is no way to say when: give { atVersion: 3 } or { at: new Date("2026-01-31") }.',
    ],
    ['a bare version', 1, 'point: must be { atVersion: 3 } or { at: new Date("2026-01-31") }.'],
    ['a bare time', new Date(), 'point: must be { atVersion: 3 }'],
    ['a list', [1], 'point: must be { atVersion: 3 }'],
    ['null', null, 'point: must be { atVersion: 3 }'],
  ])('refuses %s', async (_, point, message) => {
    const { accounts } = await filled();
    const refused = expect.objectContaining({ code: 'BACKSTORY_INVALID_QUERY' }) as Error;
    for (const read of [accounts.load.bind(accounts), accounts.find.bind(accounts)]) {
      await expect(read('42', point as never)).rejects.toThrow(message);
      await expect(read('42', point as never)).rejects.toThrow(refused);
    }
  });

  it('an invalid Date is no time', async () => {
    const { accounts } = await filled();
    await expect(accounts.load('42', { at: new Date(NaN) })).rejects.toThrow(
      expect.objectContaining({ option: 'at' }),
    );
  });

  it.each([{ atVersion: 3 }, { at: new Date(Date.UTC(2027, 0, 1)) }])(
    'what was loaded %j cannot change',
    async (point) => {
      const { accounts, store } = await filled();
      const account = await accounts.load('42', point);
      expect(() => account.deposit(1)).toThrow(/Account 42 was loaded as it was at .* and is read-only/);
      await expect(accounts.save(account)).rejects.toThrow('read-only');
      expect(await eventsOf(store)).toHaveLength(3);
    },
  );

  it.each([
    ['without text', ''],
    ['with a control character', 'a\u0000b'],
    ['too long', 'x'.repeat(505)],
    ['with half a character', '\ud800'],
    ['that is no text', 5 as never],
  ])('an id %s is refused', async (_, id) => {
    const { accounts } = bank();
    const refused = expect.objectContaining({ code: 'BACKSTORY_INVALID_AGGREGATE_ID' }) as Error;
    await expect(accounts.load(id)).rejects.toThrow(refused);
    await expect(accounts.update(id, () => 1)).rejects.toThrow(refused);
    expect(() => accounts.create(id)).toThrow(refused);
  });
});

it('events since a version are instances of their classes, with their metadata', async () => {
  const { accounts } = await filled();
  const seen: RecordedEvent<object>[] = [];
  for await (const event of accounts.eventsSince('42', 1)) seen.push(event);
  expect(seen.map(({ version, data }) => [version, data])).toEqual([
    [2, new Withdrawn(30)],
    [3, Object.assign(Object.create(Deposited.prototype), { amount: 5 })],
  ]);
  expect(seen[0]!.data).toBeInstanceOf(Withdrawn);
  expect(seen[0]!.metadata).toMatchObject({ source: 'bank', correlationId: seen[0]!.id });
});

describe('save', () => {
  it('records what was raised, once', async () => {
    const { accounts, store } = bank();
    const account = accounts.create('42');
    account.deposit(100);
    account.withdraw(30);
    const reads = jest.spyOn(store, 'readStream');
    const saved = await accounts.save(account);
    expect(reads).not.toHaveBeenCalled();
    const [first, second] = await eventsOf(store);
    expect(saved).toEqual({
      stream: 'account-42',
      version: 2,
      position: 2,
      ids: [first!.id, second!.id],
      repeated: false,
    });
    expect(await accounts.save(account)).toEqual({ ...saved, ids: [] });
    account.deposit(1);
    expect(await accounts.save(account)).toMatchObject({ version: 3 });
    expect(await accounts.load('42')).toStrictEqual(account);
  });

  it('goes on as often as it likes with what was loaded', async () => {
    const { accounts } = await filled();
    const account = await accounts.load('42');
    for (const version of [4, 5, 6]) {
      account.deposit(1);
      expect(await accounts.save(account)).toMatchObject({ version });
    }
  });

  it('of an aggregate of another class is refused, though the compiler lets it pass', async () => {
    @Aggregate('savings')
    class Savings extends Account {}
    const { accounts, store, recorder } = bank();
    const savings = new Repository(Savings, { store, recorder }).create('42');
    savings.deposit(1);
    await expect(accounts.save(savings)).rejects.toThrow(
      'Savings 42 cannot be saved with the repository of Account: save it with the repository of Savings.',
    );
    expect(await eventsOf(store)).toEqual([]);
  });

  it('of a new aggregate whose id is taken is a conflict', async () => {
    const { accounts } = await filled();
    const account = accounts.create('42');
    account.deposit(1);
    await expect(accounts.save(account)).rejects.toThrow(VersionConflict);
  });

  it('is refused while the same instance is being saved; what is raised meanwhile is kept', async () => {
    const { accounts } = bank();
    const account = accounts.create('42');
    account.deposit(100);
    const first = accounts.save(account);
    account.withdraw(1);
    await expect(accounts.save(account)).rejects.toThrow('account-42 is being saved');
    expect(await first).toMatchObject({ version: 1 });
    expect(await accounts.save(account)).toMatchObject({ version: 2, repeated: false });
    expect(await accounts.load('42')).toMatchObject({ version: 2, balance: 99 });
  });

  it('a save whose outcome is unknown is repeated with its id', async () => {
    const { accounts, store } = bank();
    const account = accounts.create('42');
    account.deposit(100);
    const appendId = '01890a5d-ac96-774b-bcce-b302099a8057';
    const again = accounts.create('42');
    again.deposit(100);
    await accounts.save(account, { appendId });
    expect(await accounts.save(again, { appendId })).toMatchObject({ version: 1, repeated: true });
    again.deposit(1);
    expect(await accounts.save(again)).toMatchObject({ version: 2 });
    expect(await eventsOf(store)).toHaveLength(2);
  });

  it('by a handler that already saved makes an instance that ran ahead unusable', async () => {
    const { accounts, store } = await filled();
    const [cause] = await eventsOf(store);
    const handling = () =>
      Context.handling(
        { ...cause!, data: {}, metadata: JSON.parse(cause!.metadata) as never },
        { subscription: 's', handler: 'h' },
      );
    const work = async () => {
      const account = await accounts.load('42');
      account.deposit(7);
      return { account, saved: await accounts.save(account) };
    };
    const first = await handling().run(work);
    const second = await handling().run(work);
    expect([first.saved.repeated, second.saved.repeated]).toEqual([false, true]);
    expect(second.saved).toEqual({ ...first.saved, repeated: true });
    expect(() => second.account.deposit(1)).toThrow('had been recorded before');
    expect(await eventsOf(store)).toHaveLength(4);
  });
});

describe('state changed without an event', () => {
  const stray = expect.objectContaining({
    code: 'BACKSTORY_CHANGED_WITHOUT_EVENT',
    properties: ['balance'],
  }) as Error;

  it.each([
    ['alone', (account: Account) => void (account.balance = 7)],
    ['after an event', (account: Account) => [account.deposit(1), (account.balance = 7)]],
    ['before an event', (account: Account) => [(account.balance = 7), account.deposit(1)]],
  ])('%s is refused by update, and nothing is recorded', async (_, change) => {
    const { accounts, store } = await filled();
    await expect(accounts.update('42', change)).rejects.toThrow(stray);
    expect(await eventsOf(store)).toHaveLength(3);
  });

  it('is refused by save, also when nothing was raised', async () => {
    const { accounts, store } = await filled();
    const account = await accounts.load('42');
    account.deposit(1);
    await accounts.save(account);
    account.balance = 7;
    await expect(accounts.save(account)).rejects.toThrow(stray);
    expect(await eventsOf(store)).toHaveLength(4);
  });
});

it('a save that was recorded at another version is not taken for this one, though the events are alike', async () => {
  const { accounts, store } = await filled();
  const [cause] = await eventsOf(store);
  const event = { ...cause!, data: {}, metadata: { correlationId: 'flow' } as never };
  const handle = async (loaded: Account) => {
    loaded.deposit(7);
    return Context.handling(event, { subscription: 's', handler: 'h' }).run(() => accounts.save(loaded));
  };
  expect(await handle(await accounts.load('42'))).toMatchObject({ version: 4, repeated: false });
  const late = await accounts.load('42');
  await accounts.update('42', (account) => account.deposit(7));
  expect(await handle(late)).toMatchObject({ version: 4, repeated: true });
  expect(() => late.deposit(1)).toThrow('had been recorded before');
});

describe('update', () => {
  it('gives back what the function gives, and where it was recorded', async () => {
    const { accounts } = await filled();
    const updated = await accounts.update('42', async (account) => Promise.resolve(account.withdraw(5)));
    expect(updated).toMatchObject({
      value: 70,
      version: 4,
      position: 4,
      repeated: false,
      attempts: 1,
      stream: 'account-42',
    });
    expect(updated.aggregate).toMatchObject({ balance: 70 });
  });

  it('without a function is refused before anything is read', async () => {
    const { accounts, store } = await filled();
    const reads = jest.spyOn(store, 'readStream');
    await expect(accounts.update('42', undefined as never)).rejects.toMatchObject({
      code: 'BACKSTORY_INVALID_OPTION',
      message: 'change: must be a function that is given the aggregate: (it) => it.deposit(100).',
    });
    expect(reads).not.toHaveBeenCalled();
  });

  it('records nothing when nothing was raised', async () => {
    const { accounts, store } = await filled();
    expect(await accounts.update('42', () => 'seen')).toMatchObject({
      value: 'seen',
      version: 3,
      position: 3,
      ids: [],
    });
    expect(await eventsOf(store)).toHaveLength(3);
  });

  it('begins an aggregate only when told to', async () => {
    const { accounts, store } = bank();
    await expect(accounts.update('42', (account) => account.deposit(1))).rejects.toThrow('{ create: true }');
    expect(await eventsOf(store)).toEqual([]);
  });

  it('what the function throws is thrown, and nothing is recorded', async () => {
    const { accounts, store } = await filled();
    let runs = 0;
    const tooMuch = (account: Account) => {
      runs++;
      account.deposit(1);
      account.withdraw(1_000);
    };
    await expect(accounts.update('42', tooMuch)).rejects.toThrow(InsufficientFunds);
    expect([runs, (await eventsOf(store)).length]).toEqual([1, 3]);
  });

  it('decides again on a fresh instance when somebody else was faster', async () => {
    const { accounts } = await filled();
    const seen: number[] = [];
    const { attempts, value } = await accounts.update('42', async (account) => {
      seen.push(account.balance);
      if (seen.length <= 2) await accounts.update('42', (other) => other.deposit(1));
      return account.withdraw(70);
    });
    expect({ attempts, value, seen }).toEqual({ attempts: 3, value: 7, seen: [75, 76, 77] });
  });

  it('gives up after its attempts, with the last conflict', async () => {
    const { accounts } = await filled();
    const update = (attempts?: number) => {
      let runs = 0;
      const options = attempts === undefined ? {} : { attempts };
      return accounts
        .update(
          '42',
          async (account) => {
            runs++;
            await accounts.update('42', (other) => other.deposit(1));
            account.deposit(1);
          },
          options,
        )
        .catch((error: unknown) => ({ error, runs }));
    };
    const last = expect.objectContaining({
      attempts: 10,
      stream: 'account-42',
      code: 'BACKSTORY_VERSION_CONFLICT',
    }) as unknown;
    expect(await update()).toEqual({ error: last, runs: 10 });
    const given = (await update(2)) as unknown as { error: UpdateConflict; runs: number };
    expect(given.error).toBeInstanceOf(UpdateConflict);
    expect(given.error).toBeInstanceOf(VersionConflict);
    expect(given.error.message).toContain('was changed by others during each of 2 attempts');
    expect(given.runs).toBe(2);
    expect(await update(NaN)).toMatchObject({ runs: 1 });
  });

  it('many at once all succeed', async () => {
    const { accounts } = await filled();
    const all = Array.from({ length: 10 }, () =>
      accounts.update('42', (it) => it.deposit(1), { attempts: 100 }),
    );
    await Promise.all(all);
    expect(await accounts.load('42')).toMatchObject({ version: 13, balance: 85 });
  });

  const over = expect.objectContaining({ code: 'BACKSTORY_UPDATE_OVER' }) as Error;
  const OVER =
    'Account 42 can raise nothing more, because its update is over: await everything inside the function, or load it again.';

  it.each<[string, (accounts: Repository<Account>) => Promise<{ aggregate: Account }>]>([
    ['has saved', (accounts) => accounts.update('42', (account) => account.deposit(1))],
    ['had nothing to save', (accounts) => accounts.update('42', () => undefined)],
    [
      'found its command carried out',
      async (accounts) => {
        await accounts.update('42', (account) => account.deposit(1), { commandId: 'c' });
        return accounts.update('42', (account) => account.deposit(1), { commandId: 'c' });
      },
    ],
    [
      'found its command carried out meanwhile',
      (accounts) => {
        let runs = 0;
        const deposit = async (): Promise<{ aggregate: Account }> =>
          accounts.update(
            '42',
            async (account) => {
              if (++runs === 1) await deposit();
              account.deposit(1);
            },
            { commandId: 'c' },
          );
        return deposit();
      },
    ],
  ])('the aggregate of an update that %s can be read, and raises nothing more', async (_, updating) => {
    const { accounts, store } = await filled();
    const { aggregate } = await updating(accounts);
    const { length } = await eventsOf(store);
    expect(() => aggregate.deposit(1)).toThrow(over);
    expect(() => aggregate.deposit(1)).toThrow(OVER);
    expect(aggregate).toMatchObject({ id: '42', version: length });
    expect(await accounts.save(aggregate)).toMatchObject({ version: length, ids: [] });
    expect(await eventsOf(store)).toHaveLength(length);
  });

  it('refuses what its function raises when it has returned already, also while it is being saved', async () => {
    const { accounts, store } = await filled();
    const append = store.append.bind(store);
    let late: () => void;
    jest.spyOn(store, 'append').mockImplementation(async (writes) => {
      expect(late).toThrow(over);
      return append(writes);
    });
    const { aggregate } = await accounts.update('42', (account) => {
      account.deposit(1);
      late = () => account.deposit(2);
    });
    expect.assertions(2);
    expect(aggregate).toMatchObject({ version: 4, balance: 76 });
  });

  it('refuses what its function raises after it has thrown, or in an attempt that lost', async () => {
    const { accounts } = await filled();
    const used: Account[] = [];
    await accounts.update('42', async (account) => {
      if (used.push(account) === 1) await accounts.update('42', (other) => other.deposit(1));
      account.deposit(1);
    });
    const failing = accounts.update('42', (account) => {
      used.push(account);
      throw new InsufficientFunds();
    });
    await expect(failing).rejects.toThrow(InsufficientFunds);
    expect(used).toHaveLength(3);
    for (const account of used) expect(() => account.deposit(1)).toThrow(over);
  });

  it('does not take a conflict of another aggregate for its own', async () => {
    const { accounts } = await filled();
    let runs = 0;
    const update = accounts.update('42', async () => {
      runs++;
      const taken = accounts.create('42');
      taken.deposit(1);
      await accounts.save(taken);
    });
    await expect(update).rejects.toThrow(VersionConflict);
    await expect(update).rejects.not.toThrow(UpdateConflict);
    expect(runs).toBe(1);
  });

  it('stops when it is aborted', async () => {
    const { accounts, store } = await filled();
    const stop = new AbortController();
    const reason = new Error('enough');
    const update = accounts.update(
      '42',
      async (account) => {
        account.deposit(1);
        stop.abort(reason);
        await delay(1);
      },
      { signal: stop.signal },
    );
    await expect(update).rejects.toBe(reason);
    const never = jest.fn();
    await expect(accounts.update('42', never, { signal: stop.signal })).rejects.toBe(reason);
    expect(never).not.toHaveBeenCalled();
    expect(await eventsOf(store)).toHaveLength(3);
  });

  it('a wait between attempts ends when it is aborted', async () => {
    const { accounts } = await filled();
    const stop = new AbortController();
    let runs = 0;
    const update = accounts.update(
      '42',
      async (account) => {
        await accounts.update('42', (other) => other.deposit(1));
        account.deposit(1);
        if (++runs === 8) setImmediate(() => stop.abort(new Error('enough')));
      },
      { signal: stop.signal, attempts: Infinity },
    );
    await expect(update).rejects.toThrow('enough');
  });
});

describe('a command that is done again', () => {
  const commandId = 'transfer-7';
  it('records nothing, does not run, and gives the recorded outcome', async () => {
    const { accounts, store } = await filled();
    let runs = 0;
    const transfer = () =>
      accounts.update(
        '42',
        (account) => {
          runs++;
          account.withdraw(20);
          return account.withdraw(50);
        },
        { commandId, command: 'Transfer' },
      );
    const first = await transfer();
    await accounts.update('42', (account) => account.deposit(1));
    const second = await transfer();
    expect(first).toMatchObject({ repeated: false, value: 5, version: 5, position: 5 });
    expect(second).toMatchObject({
      repeated: true,
      value: undefined,
      version: 5,
      position: 5,
      ids: first.ids,
    });
    expect(second.aggregate).toMatchObject({ version: 6, balance: 6 });
    expect(runs).toBe(1);
    const recorded = await eventsOf(store);
    expect(recorded).toHaveLength(6);
    expect(JSON.parse(recorded[4]!.metadata)).toMatchObject({ command: 'Transfer', commandId });
  });

  it('twice at the same time is recorded once', async () => {
    const { accounts, store } = await filled();
    let nonce = 0;
    const deposit = () => accounts.update('42', (account) => account.deposit(1, nonce++), { commandId });
    const results = await Promise.all([deposit(), deposit()]);
    expect(results.map(({ repeated, version }) => [repeated, version])).toEqual([
      [false, 4],
      [true, 4],
    ]);
    expect(results[1].aggregate).toMatchObject({ version: 4, balance: 76 });
    expect(await eventsOf(store)).toHaveLength(4);
  });

  it('twice at the same time is recorded once, also where the second would decide otherwise', async () => {
    const { accounts, store } = await filled();
    let runs = 0;
    const deposits = () =>
      accounts.update(
        '42',
        (account) => {
          for (let left = ++runs; left > 0; left--) account.deposit(1);
        },
        { commandId },
      );
    const results = await Promise.all([deposits(), deposits(), deposits()]);
    expect(results.map(({ repeated, version, ids }) => [repeated, version, ids])).toEqual([
      [false, 4, results[0].ids],
      [true, 4, results[0].ids],
      [true, 4, results[0].ids],
    ]);
    expect(results[2].aggregate).toMatchObject({ version: 4, balance: 76 });
    expect(await eventsOf(store)).toHaveLength(4);
  });

  it('an append id that the stream does not have is still an error', async () => {
    const { accounts, store } = await filled();
    const append = store.append.bind(store);
    jest
      .spyOn(store, 'append')
      .mockImplementationOnce(([write]) => append([{ ...write!, stream: 'account-7', expected: 'any' }]));
    await accounts.update('42', (account) => account.deposit(1), { commandId });
    const again = accounts.update('42', (account) => account.deposit(1), { commandId });
    await expect(again).rejects.toThrow(expect.objectContaining({ code: 'BACKSTORY_EVENT_ID_REUSED' }));
  });

  it.each([
    ['empty', ''],
    ['too long', 'x'.repeat(129)],
    ['no text', 7 as never],
  ])('its id must not be %s', async (_, id) => {
    const { accounts, store } = await filled();
    await expect(accounts.update('42', (it) => it.deposit(1), { commandId: id })).rejects.toThrow(
      expect.objectContaining({ code: 'BACKSTORY_INVALID_COMMAND_ID' }),
    );
    expect(await eventsOf(store)).toHaveLength(3);
  });

  it('keeps its id through a conflict', async () => {
    const { accounts, store } = await filled();
    let runs = 0;
    const change = async (account: Account) => {
      if (++runs === 1) await accounts.update('42', (other) => other.deposit(1), { commandId: 'another' });
      account.deposit(50);
    };
    expect(await accounts.update('42', change, { commandId })).toMatchObject({
      attempts: 2,
      repeated: false,
    });
    expect(await accounts.update('42', change, { commandId })).toMatchObject({ attempts: 1, repeated: true });
    expect([runs, (await eventsOf(store)).length]).toEqual([2, 5]);
  });

  it('does not repeat what its function saved elsewhere in an attempt that failed', async () => {
    const { accounts, store } = await filled();
    await accounts.update('7', (account) => account.deposit(1), { create: true });
    let runs = 0;
    const move = () =>
      accounts.update(
        '42',
        async (account) => {
          account.withdraw(5);
          await accounts.update('7', (other) => other.deposit(5));
          if (++runs === 1) await Context.none.run(() => accounts.update('42', (other) => other.deposit(1)));
        },
        { commandId },
      );
    expect(await move()).toMatchObject({ attempts: 2, repeated: false });
    expect(await accounts.load('7')).toMatchObject({ version: 2, balance: 6 });
    expect(JSON.parse((await eventsOf(store))[4]!.metadata)).toMatchObject({ commandId });
  });

  it('through a lost connection keeps its value', async () => {
    const { accounts, store } = await filled();
    const append = store.append.bind(store);
    let sends = 0;
    jest.spyOn(store, 'append').mockImplementation(async (writes) => {
      const result = await append(writes);
      if (sends++ === 0) throw new StoreUnavailable('memory', 'gone for a moment');
      return result;
    });
    expect(await accounts.update('42', (account) => account.withdraw(5))).toMatchObject({
      repeated: false,
      value: 70,
      version: 4,
    });
    expect([sends, (await eventsOf(store)).length]).toEqual([2, 4]);
  });
});

it('two updates of one handler are two appends, however often it runs', async () => {
  const { accounts, store } = await filled();
  const [cause] = await eventsOf(store);
  const event = { ...cause!, data: {}, metadata: { correlationId: 'flow' } as never };
  const handle = () =>
    Context.handling(event, { subscription: 's', handler: 'h' }).run(() =>
      Promise.all([1, 2].map((amount) => accounts.update('42', (account) => account.deposit(amount)))),
    );
  const first = await handle();
  const second = await handle();
  expect(second.map(({ ids, repeated }) => [ids, repeated])).toEqual(first.map(({ ids }) => [ids, true]));
  expect(await accounts.load('42')).toMatchObject({ version: 5, balance: 78 });
});

it('a save that has nothing to record any more leaves its id to itself', async () => {
  const { accounts, store } = await filled();
  const [cause] = await eventsOf(store);
  const event = { ...cause!, data: {}, metadata: { correlationId: 'flow' } as never };
  const handle = (crash: boolean) =>
    Context.handling(event, { subscription: 's', handler: 'h' }).run(async () => {
      const account = await accounts.load('42');
      if (account.balance === 75) account.withdraw(75);
      await accounts.save(account);
      if (crash) return;
      account.deposit(1);
      await accounts.save(account);
    });
  await handle(true);
  await handle(false);
  expect(await accounts.load('42')).toMatchObject({ version: 5, balance: 1 });
});

it('what comes after an update that is found recorded keeps its id, whatever that update had saved elsewhere', async () => {
  const { accounts, store } = await filled();
  await accounts.update('7', (account) => account.deposit(1), { create: true });
  const [cause] = await eventsOf(store);
  const event = { ...cause!, data: {}, metadata: { correlationId: 'flow' } as never };
  const handle = (crash: boolean) =>
    Context.handling(event, { subscription: 's', handler: 'h' }).run(async () => {
      await accounts.update('42', async (account) => {
        account.withdraw(5);
        await accounts.update('7', (other) => other.deposit(5));
      });
      if (!crash) await accounts.update('7', (account) => account.deposit(100));
    });
  await handle(true);
  await handle(false);
  await handle(false);
  expect(await accounts.load('7')).toMatchObject({ version: 3, balance: 106 });
});

it('loads and commands are observed, each once', async () => {
  const seen: unknown[] = [];
  const observer: Observer = {
    ...silent,
    command: async (start: () => CommandStart, work) =>
      work((end: () => CommandEnd) => seen.push(['command', start(), end()])),
    load: async (start, work) => work((end: () => LoadEnd) => seen.push(['load', start(), end()])),
  };
  const { accounts } = bank(observer);
  await accounts.update('42', (account) => account.deposit(1), { create: true, command: 'Open' });
  const stream = 'account-42';
  const ended = { from: 'stream', snapshotVersion: undefined };
  expect(seen).toEqual([
    ['load', { aggregate: 'Account', stream }, { version: 0, eventsFolded: 0, ...ended }],
    [
      'command',
      { command: 'Open', aggregate: 'Account', stream },
      { attempts: 1, events: 1, version: 1, repeated: false },
    ],
  ]);
});

it('a handler that gives up on a conflict and tries again repeats under its first id when it runs again', async () => {
  const { store, accounts } = await filled();
  const [event] = await eventsOf(store);
  const handle = (rival: boolean) =>
    Context.handling(readRecorded(event!), { subscription: 's', handler: 'h' }).run(async () => {
      const update = () => accounts.update('42', (account) => account.deposit(1), { attempts: 1 });
      const first = accounts.update(
        '42',
        async (account) => {
          if (rival) await Context.none.run(() => accounts.update('42', (other) => other.deposit(9)));
          account.deposit(1);
        },
        { attempts: 1 },
      );
      return first.catch((error: unknown) => {
        if (!(error instanceof VersionConflict)) throw error;
        return update();
      });
    });
  expect(await handle(true)).toMatchObject({ repeated: false, version: 5 });
  expect(await handle(false)).toMatchObject({ repeated: true, version: 5 });
  expect(await accounts.load('42')).toMatchObject({ balance: 75 + 9 + 1, version: 5 });
});

it('an update whose outcome was unknown is repeated with its id', async () => {
  const { accounts } = await filled();
  const appendId = '01890a5d-ac96-774b-bcce-b302099a8057';
  const deposit = () => accounts.update('42', (account) => account.deposit(1), { appendId });
  expect(await deposit()).toMatchObject({ repeated: false, version: 4, ids: [appendId] });
  expect(await deposit()).toMatchObject({ repeated: true, version: 4, ids: [appendId] });
  expect(await accounts.load('42')).toMatchObject({ balance: 76, version: 4 });
});

it('a handler that saves another number of events when it runs again is told what it had saved', async () => {
  const { accounts, store } = await filled();
  const [event] = await eventsOf(store);
  const handle = (amounts: readonly number[]) =>
    Context.handling(readRecorded(event!), { subscription: 's', handler: 'h' }).run(async () => {
      const account = await accounts.load('42');
      amounts.forEach((amount) => account.deposit(amount));
      return [await accounts.save(account), account] as const;
    });
  const [first] = await handle([1, 2]);
  const [again, account] = await handle([3]);
  expect(again).toEqual({ ...first, repeated: true });
  expect(() => account.deposit(1)).toThrow(/an earlier run of the same handler/);
  expect(await accounts.load('42')).toMatchObject({ balance: 78, version: 5 });
});

it('many updates of one aggregate at once all succeed with the default attempts', async () => {
  const { accounts } = await filled();
  const updates = Array.from({ length: 50 }, () => accounts.update('42', (account) => account.deposit(1)));
  await Promise.all(updates);
  expect(await accounts.load('42')).toMatchObject({ balance: 125, version: 53 });
});

it('an observer that fails disturbs neither loading nor saving, and work runs once all the same', async () => {
  const fail = () => Promise.reject(new Error('the observer is broken'));
  const { accounts } = bank({ ...silent, command: fail, load: fail, record: fail });
  let runs = 0;
  const deposit = () => accounts.update('42', (account) => (runs++, account.deposit(5)), { create: true });
  expect(await deposit()).toMatchObject({ version: 1, attempts: 1 });
  expect(await accounts.load('42')).toMatchObject({ balance: 5 });
  expect(runs).toBe(1);
});
