import {
  Aggregate,
  AppendOutcomeUnknown,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  StoreUnavailable,
  UpdateConflict,
  VersionOutOfRange,
  defineBackstory,
  follow,
  memory,
  readRecorded,
  type RecordedEvent,
} from './index.js';
import { projection } from './projection.js';

@DomainEvent('account.deposited')
class Deposited {
  constructor(readonly amount: number) {}
}

@DomainEvent('audit.noted')
class Noted {
  constructor(readonly text: string) {}
}

@Aggregate('account')
class Account extends EventSourcedAggregate {
  balance = 0;
  deposit(amount: number) {
    this.raise(new Deposited(amount));
  }
  @EventHandler(Deposited) protected deposited(event: Deposited) {
    this.balance += event.amount;
  }
}

const define = () =>
  defineBackstory({ name: 'bank', store: memory(), aggregates: [Account], events: [Noted] });

describe('an application', () => {
  test('records through its repositories under its own name', async () => {
    await define().run(async (app) => {
      await app.repository(Account).update('42', (account) => account.deposit(100), { create: true });
      const account = await app.repository(Account).load('42');
      const [event] = await all(app.repository(Account).eventsSince('42'));
      expect(account.balance).toBe(100);
      expect(event?.metadata.source).toBe('bank');
    });
  });

  test('gives the same repository every time, and none for a class it does not have', async () => {
    @Aggregate('other')
    class Other extends EventSourcedAggregate {}
    await define().run(async (app) => {
      expect(app.repository(Account)).toBe(app.repository(Account));
      expect(() => app.repository(Other)).toThrow(/Other is no aggregate of bank: add it to aggregates/);
    });
  });

  test('records events that no aggregate raised, with their own time', async () => {
    await define().run(async (app) => {
      const occurredAt = new Date('2020-02-03T04:05:06.007Z');
      const result = await app.record('audit-1', [new Noted('seen')], {
        occurredAt,
        metadata: { actor: 'ann' },
      });
      const pages = await all(app.events.readStream('audit-1'));
      const recorded = app.types.decode(pages[0]!.events[0]!);
      expect(result.writes).toEqual([{ stream: 'audit-1', version: 1, position: 1 }]);
      expect(recorded.data).toEqual(new Noted('seen'));
      expect(recorded.data).toBeInstanceOf(Noted);
      expect(recorded.metadata).toMatchObject({ actor: 'ann', occurredAt: '2020-02-03T04:05:06.007Z' });
    });
  });

  test.each([
    ['a Date', { due: new Date(0) }, 'audit-1.metadata.due is a Date'],
    ['a number that JSON does not know', { ratio: NaN }, 'audit-1.metadata.ratio is NaN'],
    ['a time that is none', { occurredAt: new Date(NaN) }, 'audit-1.metadata.occurredAt is not a valid time'],
  ])('refuses metadata with %s, as an aggregate does', async (_, metadata, message) => {
    await define().run(async (app) => {
      await expect(app.record('audit-1', [new Noted('seen')], { metadata })).rejects.toThrow(message);
      expect((await all(app.events.readStream('audit-1'))).flatMap((page) => page.events)).toEqual([]);
    });
  });

  test('records nothing to an aggregate that it could not be loaded with', async () => {
    await define().run(async (app) => {
      await app.record('account-42', [new Deposited(5)]);
      await expect(app.record('account-42', [new Deposited(5), new Noted('seen')])).rejects.toThrow(
        'Account has no handler for Noted',
      );
      expect(await app.repository(Account).load('42')).toMatchObject({ version: 1, balance: 5 });
    });
  });

  test('lets its users tell apart what update and load throw, and read what the log holds', async () => {
    await define().run(async (app) => {
      const accounts = app.repository(Account);
      await accounts.update('42', (account) => account.deposit(1), { create: true });
      await expect(accounts.load('42', { atVersion: 2 })).rejects.toThrow(VersionOutOfRange);
      const contended = accounts.update(
        '42',
        async (account) => {
          await accounts.update('42', (other) => other.deposit(1));
          account.deposit(1);
        },
        { attempts: 1 },
      );
      await expect(contended).rejects.toThrow(UpdateConflict);
      const [page] = await all(app.events.readStream('account-42'));
      expect(readRecorded(page!.events[0]!)).toMatchObject({ data: { amount: 1 }, version: 1 });
    });
  });

  test('refuses to record what is no list, and to give the repository of what is no class', async () => {
    await define().run(async (app) => {
      await expect(app.record('audit-1', new Noted('seen') as never)).rejects.toMatchObject({
        code: 'BACKSTORY_INVALID_OPTION',
        message: "events: must be a list, also of one event: app.record('audit-1', [event]).",
      });
      await expect(app.record(7 as never, [new Noted('seen')])).rejects.toMatchObject({ option: 'stream' });
      for (const occurredAt of [undefined, new Date()])
        await expect(
          app.record('audit-1', [new Noted('seen')], {
            metadata: 7 as never,
            ...(occurredAt && { occurredAt }),
          }),
        ).rejects.toMatchObject({ option: 'metadata' });
      expect(() => app.repository(undefined as never)).toThrow(
        'The aggregate is no class but undefined: two files that import each other leave it so.',
      );
    });
  });

  test('keeps the expected version of events that no aggregate raised', async () => {
    await define().run(async (app) => {
      await app.record('audit-1', [new Noted('first')]);
      await expect(app.record('audit-1', [new Noted('second')], { expected: 'none' })).rejects.toMatchObject({
        code: 'BACKSTORY_VERSION_CONFLICT',
        actual: 1,
      });
    });
  });

  test('closes what it opened, also when the work fails, and waits for it', async () => {
    const definition = define();
    const closed: string[] = [];
    const open = definition.store.open.bind(definition.store);
    jest.spyOn(definition.store, 'open').mockImplementation(async (options) => {
      const parts = await open(options);
      return { ...parts, close: async () => void closed.push('log') };
    });
    await expect(definition.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(closed).toEqual(['log']);
  });

  test('is closed once, however often it is told to', async () => {
    const store = memory();
    const log = await store.open();
    jest.spyOn(store, 'open').mockResolvedValue(log);
    const closed = jest.spyOn(log, 'close');
    const app = await defineBackstory({ name: 'bank', store }).start();
    await Promise.all([app.close(), app.close()]);
    await app.close();
    expect(closed).toHaveBeenCalledTimes(1);
  });

  test('closes its log when its state cannot be opened', async () => {
    const [store, state] = [memory(), memory()];
    const log = await store.open();
    jest.spyOn(store, 'open').mockResolvedValue(log);
    jest.spyOn(state, 'open').mockRejectedValue(new Error('locked'));
    const closed = jest.spyOn(log, 'close');
    await expect(defineBackstory({ name: 'bank', store, state }).start()).rejects.toThrow('locked');
    expect(closed).toHaveBeenCalledTimes(1);
  });

  test('opened read-only records nothing', async () => {
    const app = await define().open({ readOnly: true });
    await expect(app.record('audit-1', [new Noted('seen')])).rejects.toMatchObject({
      code: 'BACKSTORY_STORE_UNUSABLE',
    });
    await app.close();
  });

  test('repeats a record whose outcome is unknown with its id, after its own time-out', async () => {
    const store = memory();
    const opened = await store.open();
    jest.spyOn(store, 'open').mockResolvedValue(opened);
    const append = opened.events.append.bind(opened.events);
    jest.spyOn(opened.events, 'append').mockImplementationOnce(async (writes) => {
      await append(writes);
      throw new StoreUnavailable('memory', 'gone');
    });
    const definition = defineBackstory({ name: 'bank', store, events: [Noted], appendTimeoutMs: 0 });
    await definition.run(async (app) => {
      const unknown = await app
        .record('audit-1', [new Noted('seen')])
        .catch((error: unknown) => error as AppendOutcomeUnknown);
      expect(unknown).toBeInstanceOf(AppendOutcomeUnknown);
      const { appendId } = unknown as AppendOutcomeUnknown;
      const again = await app.record('audit-1', [new Noted('seen')], { appendId });
      expect(again).toMatchObject({ repeated: true, ids: [appendId], position: 1 });
    });
  });

  test('a lease of projections lasts as long as `projectionLeaseMs` says', async () => {
    const kept = projection('kept', {
      ...{ version: 1, initial: {}, events: { Noted } },
      fold: { Noted: (document) => document },
    });
    const options = { name: 'bank', store: memory(), projections: [kept] };
    const definition = defineBackstory({ ...options, projectionLeaseMs: 30_000 });
    expect(definition.projectionLeaseMs).toBe(30_000);
    await definition.run(async (app) => {
      expect(await app.state.leases()).toMatchObject([{ ttlMs: 30_000 }]);
    });
    for (const projectionLeaseMs of [0, 99, NaN, Infinity, 2 ** 31, '1000' as never])
      expect(() => defineBackstory({ ...options, projectionLeaseMs })).toThrow(/^projectionLeaseMs: must be/);
  });

  test('closes its log also when its state cannot be closed', async () => {
    const [store, state] = [memory(), memory()];
    const log = await store.open();
    jest.spyOn(store, 'open').mockResolvedValue(log);
    jest.spyOn(state, 'open').mockResolvedValue({
      ...log,
      close: () => Promise.reject(new Error('stuck')),
    });
    const closed = jest.spyOn(log, 'close');
    await expect(defineBackstory({ name: 'bank', store, state }).run(async () => {})).rejects.toThrow(
      'stuck',
    );
    expect(closed).toHaveBeenCalled();
  });

  test('keeps its state elsewhere when told to', async () => {
    const state = memory();
    const definition = defineBackstory({ name: 'bank', store: memory(), state, aggregates: [Account] });
    await definition.run(async (app) => {
      await app.state.transaction([], (tx) => tx.put('marks', 'one', '1'));
    });
    const elsewhere = await state.open();
    expect(await elsewhere.state.read((view) => view.get('marks', 'one'))).toBe('1');
  });

  test('is followed while it is running', async () => {
    await define().run(async (app) => {
      const stop = new AbortController();
      const seen: RecordedEvent<object>[] = [];
      const following = (async () => {
        for await (const page of follow(app.events, { signal: stop.signal })) {
          seen.push(...page.events.map((event) => app.types.decode(event)));
          if (seen.length === 2) stop.abort();
        }
      })();
      await app.repository(Account).update('1', (account) => account.deposit(1), { create: true });
      await app.repository(Account).update('1', (account) => account.deposit(2));
      await following;
      expect(seen.map(({ data }) => data)).toEqual([new Deposited(1), new Deposited(2)]);
    });
  });
});

describe('a definition', () => {
  test('has the environment that it or else NODE_ENV names', () => {
    const environment = (given?: string) =>
      defineBackstory({ name: 'bank', store: memory(), ...(given !== undefined && { environment: given }) })
        .environment;
    expect([environment('staging'), environment()]).toEqual(['staging', 'test']);
    const before = process.env['NODE_ENV'];
    delete process.env['NODE_ENV'];
    try {
      expect(environment()).toBe('development');
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });

  test('refuses two aggregates of one category', () => {
    @Aggregate('account')
    class Ledger extends EventSourcedAggregate {}
    expect(() => defineBackstory({ name: 'bank', store: memory(), aggregates: [Account, Ledger] })).toThrow(
      /Ledger has the category "account", and so has Account/,
    );
  });

  test('refuses two events of one name, naming both classes', () => {
    @DomainEvent('account.deposited')
    class Paid {}
    expect(() =>
      defineBackstory({ name: 'bank', store: memory(), aggregates: [Account], events: [Paid] }),
    ).toThrow(/Deposited.*Paid|Paid.*Deposited/);
  });

  test.each<[string, unknown, string]>([
    [
      'nothing at all',
      undefined,
      "defineBackstory needs a name, e.g. { name: 'bank', store: sqlite('bank.db') }: events keep it as their source.",
    ],
    [
      'a class in place of a list',
      { aggregates: Account },
      'defineBackstory needs a list of aggregates: write { aggregates: [Account] }.',
    ],
    [
      'no list at all',
      { events: null },
      'defineBackstory needs a list of events: write { events: […] }, or leave it out.',
    ],
    [
      'an aggregate that is undefined',
      { aggregates: [Account, undefined] },
      'defineBackstory was given aggregates[1], which is undefined: two files that import each other leave it so.',
    ],
    [
      'an event that is undefined',
      { events: [undefined] },
      'defineBackstory was given events[0], which is undefined: two files that import each other leave it so.',
    ],
    [
      'an instance for a class',
      { events: [new Noted('seen')] },
      'defineBackstory was given events[0], which is no class: name the class itself.',
    ],
  ])('refuses %s, saying what to give', (_, options, message) => {
    const defining = () =>
      defineBackstory((options && { name: 'bank', store: memory(), ...options }) as never);
    expect(defining).toThrow(message);
    expect(defining).toThrow(expect.objectContaining({ code: 'BACKSTORY_INVALID_DEFINITION' }));
  });

  test('refuses to be without a name or a store, saying what to give', () => {
    expect(() => defineBackstory({ name: '', store: memory() })).toThrow(/needs a name/);
    expect(() => defineBackstory({ name: 'bank' } as never)).toThrow(
      /needs a store, e\.g\. \{ store: sqlite\('app\.db'\) \}/,
    );
  });
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
