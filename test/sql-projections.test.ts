import { memory, type OpenStorage, type RecordedEvent, type Storage } from '@backstory/core';
import { EventHandler } from '@backstory/events';
import { postgres } from '@backstory/postgres';
import {
  Projection,
  ProjectionChanged,
  ProjectionExists,
  type ProjectionSource,
  type Projections,
} from '@backstory/projection';
import {
  TablesNotMade,
  sqlProjection,
  type SqlProjectionOptions,
  type Tables,
} from '@backstory/projection/sql';
import { sqlite } from '@backstory/sqlite';
import { Deposited, Withdrawn, recording } from './support/bank-events.js';
import { IN_TIME, eventually } from './support/eventually.js';
import { startPostgres, type PostgresServer } from './support/postgres-server.js';
import { projectionsOn, totals } from './support/projecting.js';
import { sqliteFiles } from './support/sqlite-files.js';

const tables = {
  accounts: {
    columns: { account: 'text', balance: 'bigint not null' },
    key: ['account'],
    indexes: [['balance']],
  },
  movements: {
    columns: { account: 'text', position: 'bigint', amount: 'bigint not null' },
    key: ['account', 'position'],
  },
} as const;
type Own = Tables<'accounts' | 'movements'>;

async function moved(account: string, amount: number, position: number, { sql, accounts, movements }: Own) {
  await sql`insert into ${movements} (account, position, amount) values (${account}, ${position}, ${amount})`;
  await sql`insert into ${accounts} as a (account, balance) values (${account}, ${amount})
    on conflict (account) do update set balance = a.balance + excluded.balance`;
}

/** Both in one class, and one instance of it for all events. */
@Projection('ledger', { version: 1, tables })
class Ledger {
  @EventHandler(Deposited) deposited(
    { amount }: Deposited,
    { stream, position }: RecordedEvent<Deposited>,
    own: Own,
  ): Promise<void> {
    return moved(stream, amount, position, own);
  }
  @EventHandler(Withdrawn) async withdrawn(
    { amount }: Withdrawn,
    { stream, position }: RecordedEvent<Withdrawn>,
    own: Own,
  ): Promise<void> {
    await moved(stream, -amount, position, own);
  }
}

/** What else a handler does, as long as it does. */
let also: ((event: Deposited, own: Own) => unknown) | undefined;
beforeEach(() => {
  also = undefined;
});

/** The same in functions; that of version 2 forgets what is 13. */
function ledger(version: number, options: Partial<SqlProjectionOptions> = {}) {
  return sqlProjection('ledger', {
    version,
    tables,
    ...options,
    events: { Deposited, Withdrawn },
    handle: {
      Deposited: async (event, { stream, position }, own) => {
        const { amount } = event;
        await moved(stream, version === 2 && amount === 13 ? 0 : amount, position, own);
        await also?.(event, own);
      },
      Withdrawn: ({ amount }, { stream, position }, own) => moved(stream, -amount, position, own),
    },
  });
}

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()), 60_000);
afterAll(() => server.stop());
const files = sqliteFiles();

describe.each([
  ['SQLite', async () => sqlite(files.newFile())],
  ['PostgreSQL', async () => postgres(await server.createDatabase())],
] as readonly (readonly [string, () => Promise<Storage>])[])('on %s', (name, newStorage) => {
  let storage: Storage;
  let opened: OpenStorage;
  let record: ReturnType<typeof recording>;
  const running: Projections[] = [];
  const known = (source: Parameters<typeof projectionsOn>[1][number], on = opened) => {
    const projections = projectionsOn(on, [source]);
    running.push(projections);
    return projections;
  };
  const run = async (...given: Parameters<typeof known>) => {
    const projections = known(...given);
    await projections.start();
    return projections;
  };
  const head = async () => (await opened.events.identity()).head;
  const balances = (projections: Projections) =>
    projections
      .tables<'accounts'>('ledger')
      .query(({ sql, accounts }) => sql`select account, balance from ${accounts} order by account`);
  const movements = (projections: Projections) =>
    projections
      .tables<'movements'>('ledger')
      .query(({ sql, movements: own }) => sql`select position, amount from ${own} order by position`);
  const faulted = (projections: Projections) =>
    eventually(async () => {
      const now = await projections.status('ledger');
      return now.state === 'faulted' && now;
    });
  beforeEach(async () => {
    storage = await newStorage();
    opened = await files.opened(storage.open());
    record = recording(opened.events);
    await record('1', new Deposited(5), new Deposited(13));
    await record('2', new Deposited(1));
  });
  afterEach(async () => {
    for (const it of running.splice(0)) await it.close();
  });

  it.each([
    ['a class', Ledger],
    ['functions', ledger(1)],
  ])(
    '%s: tables are written with SQL, before and after it starts, and read with it',
    async (_form, source) => {
      const projections = await run(source);
      await projections.caughtUp('ledger', await head(), IN_TIME);
      expect(await balances(projections)).toEqual([
        { account: 'account-1', balance: 18 },
        { account: 'account-2', balance: 1 },
      ]);
      await record('2', new Withdrawn(4));
      await projections.caughtUp('ledger', await head(), IN_TIME);
      expect(await movements(projections)).toEqual([
        { position: 1, amount: 5 },
        { position: 2, amount: 13 },
        { position: 3, amount: 1 },
        { position: 4, amount: -4 },
      ]);
      const where = await projections
        .tables('ledger')
        .query(async ({ generation, position }) => ({ generation, position }));
      expect(where).toEqual({ generation: 1, position: 4 });
      const names = ['ledger.1.accounts', 'ledger.1.movements'];
      expect((await projections.status('ledger')).generations).toMatchObject([{ tables: names, events: 4 }]);
    },
  );

  it('a reader cannot write', async () => {
    const projections = await run(ledger(1));
    await projections.caughtUp('ledger', await head(), IN_TIME);
    const writing = projections
      .tables<'accounts'>('ledger')
      .query(({ sql, accounts }) => sql`delete from ${accounts}`);
    await expect(writing).rejects.toThrow(/read-?only/);
    expect(await balances(projections)).toHaveLength(2);
  });

  it('a failing handler stops it before its event, with what is before it, and its own statements undone', async () => {
    also = ({ amount }) => {
      if (amount === 13) throw new Error('unlucky');
    };
    const projections = await run(ledger(1));
    const { reason, position } = await faulted(projections);
    expect({ reason, position }).toEqual({
      position: 1,
      reason: expect.stringMatching(/before position 2: Deposited failed.*unlucky/),
    });
    expect(await movements(projections)).toEqual([{ position: 1, amount: 5 }]);
    also = undefined;
    await projections.resume('ledger');
    await projections.caughtUp('ledger', await head(), IN_TIME);
    expect(await movements(projections)).toHaveLength(3);
  });

  it.each<[string, NonNullable<typeof also>, RegExp]>([
    ['is wrong', (_event, { sql }) => sql`select nothing from nowhere`, /nowhere/],
    [
      'failed and was passed over',
      (_event, { sql }) => sql`select nothing from nowhere`.catch(() => undefined),
      /nowhere/,
    ],
    [
      'failed and was passed over, with another one after it',
      async (_event, { sql }) => {
        await sql`select nothing from nowhere`.catch(() => undefined);
        await sql`select 1`;
      },
      /nowhere/,
    ],
    [
      'breaks a constraint',
      (_event, { sql, movements: own }) =>
        sql`insert into ${own} (account, position, amount) values ('account-1', 1, 1)`,
      /unique/i,
    ],
    [
      'would end the transaction',
      (_event, { sql }) => sql`/* now */ commit`,
      /commit is not for those who work inside/,
    ],
    ['is two', (_event, { sql }) => sql`select 1; commit`, /more than one/],
  ])('a statement that %s is the fault of its handler', async (_what, statement, reason) => {
    also = statement;
    const projections = await run(ledger(1));
    const status = await faulted(projections);
    expect(status).toMatchObject({ position: 0, reason: expect.stringMatching(/Deposited failed/) });
    expect(status.reason).toMatch(reason);
    expect(await movements(projections)).toEqual([]);
  });

  it('work that nobody waited for, and that would run a statement later, is the fault of its handler', async () => {
    // Of others nobody would know: what nobody waits for is rejected where nobody listens.
    const later = async (own: Own, comes: Promise<unknown>) => {
      await comes;
      await own.sql`select 1`;
    };
    also = (_event, own) => void later(own, new Promise(setImmediate)).catch(() => undefined);
    const projections = await run(ledger(1));
    const status = await faulted(projections);
    expect(status).toMatchObject({ position: 0 });
    expect(status.reason).toMatch(/Deposited ran a statement once it was over/);
    expect(await movements(projections)).toEqual([]);
    await expect(
      projections
        .tables('ledger')
        .asOf(1)
        .query(async () => 1),
    ).rejects.toThrow(/once it was over/);
  });

  it('a statement that comes after its transaction is the fault of its handler, and nothing more is folded', async () => {
    let comes: () => void = () => undefined;
    const come = new Promise<void>((resolve) => (comes = resolve));
    const late: Promise<unknown>[] = [];
    also = (_event, { sql }) => void late.push(come.then(() => sql`select 1`).catch(() => undefined));
    const projections = await run(ledger(1));
    await projections.caughtUp('ledger', await head(), IN_TIME);
    also = undefined;
    const before = await movements(projections);
    comes();
    await Promise.all(late);
    await record('1', new Deposited(7));
    // They were committed before it came: nobody is told that it stops before them, or that nothing was skipped.
    expect((await faulted(projections)).reason).toMatch(
      /^Projection ledger stops: Deposited ran a statement once it was over, at account\.deposited of account-[12], position [123]\. It is lost, and/,
    );
    expect(await movements(projections)).toEqual(before);
  });

  it('a statement that nobody waited for is the fault of its handler, or done by then', async () => {
    also = (_event, { sql }) => void sql`select nothing from nowhere`;
    const projections = await run(ledger(1));
    expect((await faulted(projections)).reason).toMatch(/did not wait for a statement|nowhere/);
    expect(await movements(projections)).toEqual([]);
  });

  it('values are parameters, and come back as what they are', async () => {
    const seen: unknown[] = [];
    const strange = `it's; "strange" -- \u{1F600}`;
    also = async ({ amount }, { sql, movements: own }) => {
      if (amount === 5)
        await sql`insert into ${own} (account, position, amount) values (${strange}, ${-(2 ** 40)}, ${0})`;
    };
    const projections = await run(ledger(1));
    await projections.caughtUp('ledger', await head(), IN_TIME);
    const rows = await projections
      .tables<'movements'>('ledger')
      .query(
        ({ sql, movements: own }) =>
          sql`select account, position, null as absent from ${own} where account = ${strange}`,
      );
    seen.push(...rows);
    expect(seen).toEqual([{ account: strange, position: -(2 ** 40), absent: null }]);
  });

  it('a higher version is built beside, compared row by row, swapped, and taken back', async () => {
    const first = await run(ledger(1));
    await first.caughtUp('ledger', await head(), IN_TIME);
    const second = await run(ledger(2), await files.opened(storage.open()));
    await second.filled('ledger', 2);
    expect(await balances(second)).toMatchObject([{ balance: 18 }, { balance: 1 }]);
    const found = await second.verify('ledger');
    expect(found).toMatchObject({
      compared: 'rows',
      isEqual: false,
      position: 3,
      documents: 5,
      different: 2,
    });
    const values = found.differences.map(({ key, path, live, other }) => [
      key,
      path,
      Number(live),
      Number(other),
    ]);
    expect(values).toEqual([
      ['accounts account-1', 'balance', 18, 5],
      ['movements account-1, 2', 'amount', 13, 0],
    ]);
    expect(found.live.hash).toBe((await second.content('ledger', 1)).hash);
    expect(found.other.hash).toBe((await second.content('ledger', 2)).hash);
    expect(await second.swap('ledger')).toMatchObject({ generation: 2, was: 1 });
    expect(await balances(first)).toMatchObject([{ balance: 5 }, { balance: 1 }]);
    expect(await second.rollback('ledger')).toMatchObject({ generation: 1, was: 2 });
    expect(await balances(second)).toMatchObject([{ balance: 18 }, { balance: 1 }]);
    expect(await second.drop('ledger')).toBe(2);
    const gone = second.tables('ledger').query(({ sql }) => sql`select * from "ledger.2.accounts"`);
    await expect(gone).rejects.toThrow(/ledger\.2\.accounts/);
  });

  it('rows with whole numbers beyond 2^53 are compared, also by keys of them and over pages', async () => {
    let large = 2n ** 53n + 1n;
    also = async ({ amount }, { sql, movements: own }) => {
      if (amount !== 5) return;
      await sql`insert into ${own} (account, position, amount)
        with recursive n(i) as (select 0 union all select i + 1 from n where i < 2000)
        select 'large', cast(${2n ** 53n} as bigint) + i, 1 from n`;
      await sql`insert into ${own} (account, position, amount) values ('one', 1, ${large})`;
      large += 1n;
    };
    const projections = await run(ledger(1));
    await projections.caughtUp('ledger', await head(), IN_TIME);
    await projections.filled('ledger', await projections.rebuild('ledger'));
    const found = await projections.verify('ledger');
    expect(found).toMatchObject({
      ...{ documents: 2_007, different: 1, isEqual: false },
      differences: [
        { key: 'movements one, 1', path: 'amount', live: '9007199254740993', other: '9007199254740994' },
      ],
    });
    expect(JSON.stringify(found)).toContain('9007199254740993');
    expect((await projections.content('ledger')).hash).toBe(found.live.hash);
  });

  it('a rebuild by the same code is equal, and takes its place', async () => {
    const projections = await run(ledger(1));
    await projections.caughtUp('ledger', await head(), IN_TIME);
    expect(await projections.fill('ledger')).toMatchObject({ generation: 2, events: 3, role: 'building' });
    const found = await projections.verify('ledger');
    expect(found).toMatchObject({ isEqual: true, documents: 5, different: 0 });
    expect(found.live.hash).toBe(found.other.hash);
    await projections.swap('ledger');
    await projections.drop('ledger');
    expect((await projections.status('ledger')).generations).toMatchObject([{ generation: 2 }]);
    expect(await balances(projections)).toHaveLength(2);
  });

  it('while events come without end, two generations meet to be compared, and go on', async () => {
    const projections = await run(ledger(1));
    await projections.fill('ledger');
    let isOver = false;
    const writer = (async () => {
      for (let i = 0; !isOver; i++) await record(String(i % 3), new Deposited(1 + (i % 5)));
    })();
    try {
      for (let i = 0; i < 3; i++) {
        const { different, position } = await projections.verify('ledger');
        expect(different).toBe(0);
        const met = position;
        await eventually(async () =>
          (await projections.status('ledger')).generations.every((it) => it.position > met),
        );
      }
    } finally {
      isOver = true;
      await writer;
    }
    const upTo = await head();
    await projections.caughtUp('ledger', upTo, IN_TIME);
    // One is the record that a rebuild was asked for.
    expect(await movements(projections)).toHaveLength(upTo - 1);
  });

  it('a generation that nobody feeds and that is behind is not compared, and says so', async () => {
    const first = await run(ledger(1));
    await first.caughtUp('ledger', await head(), IN_TIME);
    await first.close();
    await record('2', new Deposited(4));
    const second = await run(ledger(2));
    await second.filled('ledger', 2);
    await expect(second.verify('ledger')).rejects.toThrow(
      /generation 1: it is not as far.*no process feeds it/,
    );
  });

  it('one that was read before and is behind is not compared, and nobody is told to feed it', async () => {
    const first = await run(ledger(1));
    await first.fill('ledger');
    await first.swap('ledger');
    await record('2', new Deposited(4));
    await first.caughtUp('ledger', await head(), IN_TIME);
    await expect(first.verify('ledger', { generation: 1 })).rejects.toThrow(
      /generation 1: it is not as far as the other one, and it was read before, and nothing more is folded into it: rebuild/,
    );
  });

  it('while it is paused, generations that are not as far are not compared, and it says to resume it', async () => {
    const first = await run(ledger(1));
    await first.caughtUp('ledger', await head(), IN_TIME);
    await first.pause('ledger', { actor: 'ann' });
    const second = await run(ledger(2));
    await eventually(async () => (await first.status('ledger')).generations.every((it) => !it.owner));
    await expect(second.verify('ledger')).rejects.toThrow(
      /it is not as far as the other one, and the projection is paused, by ann: run `backstory projections resume ledger`/,
    );
  });

  it('a generation that nobody feeds is fed by whoever compares it, while what is read goes on', async () => {
    const first = await run(ledger(1));
    await first.caughtUp('ledger', await head(), IN_TIME);
    const tool = known(ledger(2));
    await tool.fill('ledger');
    await record('2', new Deposited(4));
    await first.caughtUp('ledger', await head(), IN_TIME);
    expect(await tool.verify('ledger')).toMatchObject({
      ...{ live: { generation: 1 }, other: { generation: 2 } },
      different: 2,
    });
    expect(await tool.swap('ledger')).toMatchObject({ generation: 2, was: 1 });
  });

  it('other tables under an old version are refused', async () => {
    await run(ledger(1));
    const { accounts } = tables;
    const fewer = sqlProjection('ledger', {
      version: 1,
      tables: { accounts },
      events: { Deposited, Withdrawn },
      handle: { Deposited: async () => undefined, Withdrawn: async () => undefined },
    });
    await expect(run(fewer)).rejects.toThrow(ProjectionChanged);
    await expect(run(fewer)).rejects.toThrow(/its tables are others now: raise its version from 1 to 2/);
  });

  it('code of another version than what is read was made by is told so, where it has other tables', async () => {
    const first = await run(ledger(1));
    await first.caughtUp('ledger', await head(), IN_TIME);
    const second = known(ledger(2, { tables: { ...tables, months: tables.accounts } }));
    const asked = second.tables<'months'>('ledger').query(({ sql, months }) => sql`select * from ${months}`);
    await expect(asked).rejects.toThrow(
      /generation 1: code of version 1 made it, and the code here is of version 2, which cannot read it: .*ledger\.1\.months/s,
    );
  });

  const rows = (of: string, balance = 'bigint') =>
    sqlProjection(of, {
      version: 1,
      tables: { accounts: { columns: { account: 'text', balance }, key: ['account'] } },
      events: { Deposited },
      handle: {
        Deposited: ({ amount }, { stream }, { sql, accounts }) =>
          sql`insert into ${accounts} (account, balance) values (${stream}, ${amount}) on conflict do nothing`,
      },
    });

  it('a table that the database refuses is told with its projection and the statement, and nothing is left of it', async () => {
    const projections = known(rows('broken', 'bigint references'));
    const told = /^Projection broken cannot have its table accounts: .*create table .*broken\.1\.accounts/s;
    await expect(projections.start()).rejects.toThrow(told);
    await expect(projections.start()).rejects.toThrow(TablesNotMade);
    expect(await projections.list()).toEqual([]);
  });

  it('a view that cannot be made is told with its projection, and nothing is left of it', async () => {
    await opened.state.transaction([], async ({ sql }) => {
      await sql!.run({ texts: [`create table ${sql!.table('broken.accounts')} (a integer)`], values: [] });
    });
    const projections = known(rows('broken'));
    await expect(projections.start()).rejects.toThrow(
      /^Projection broken cannot have its view broken\.accounts: /,
    );
    expect(await projections.list()).toEqual([]);
  });

  it('two whose names differ by capital letters alone are refused where their tables would be one', async () => {
    await run(rows('Sums'));
    const other = known(rows('sums'));
    if (name === 'PostgreSQL') return other.start();
    await expect(other.start()).rejects.toThrow(ProjectionExists);
    await expect(other.start()).rejects.toThrow(
      /^There is a projection Sums already, and SQLite takes.*give sums another name/,
    );
    // Documents are kept by names that are told apart.
    await run(totals());
    await run(rows('Totals'));
    await (await run(rows('Sums'))).caughtUp('Sums', await head(), IN_TIME);
  });

  it('a reader whose generation is swapped and dropped while it asks is given the rows of one', async () => {
    const projections = await run(ledger(1));
    await projections.caughtUp('ledger', await head(), IN_TIME);
    await projections.fill('ledger');
    const asked: number[] = [];
    const rows = await projections
      .tables<'accounts'>('ledger')
      .query(async ({ sql, accounts, generation, position }) => {
        asked.push(generation);
        if (asked.length === 1) {
          await projections.swap('ledger');
          await projections.drop('ledger');
        }
        return { position, rows: await sql`select account, balance from ${accounts} order by account` };
      });
    // In SQLite a reader keeps what it has begun with; PostgreSQL has nothing more of a table that is dropped.
    expect(asked).toEqual(name === 'SQLite' ? [1] : [1, 2]);
    expect(rows).toEqual({
      position: expect.any(Number),
      rows: [
        { account: 'account-1', balance: 18 },
        { account: 'account-2', balance: 1 },
      ],
    });
  });

  it('as of a position or an instant its tables have what the events up to there make of them, and nothing of that stays', async () => {
    const projections = await run(ledger(1));
    await record('1', new Withdrawn(2));
    await projections.caughtUp('ledger', await head(), IN_TIME);
    const reader = projections.tables<'accounts'>('ledger');
    const asOf = (when: number | Date) =>
      reader.asOf(when).query(async ({ sql, accounts, position }) => {
        return [position, await sql`select account, balance from ${accounts} order by account`];
      });
    const [one, two] = ['account-1', 'account-2'];
    expect(await asOf(0)).toEqual([0, []]);
    expect(await asOf(1)).toEqual([1, [{ account: one, balance: 5 }]]);
    const all = [
      { account: one, balance: 18 },
      { account: two, balance: 1 },
    ];
    // Two at once.
    expect(await Promise.all([asOf(3), asOf(2)])).toEqual([
      [3, all],
      [2, [{ account: one, balance: 18 }]],
    ]);
    const recordedAt: Date[] = [];
    for await (const { events } of opened.events.readAll())
      recordedAt.push(...events.map((it) => it.recordedAt));
    expect(await asOf(new Date(recordedAt[0]!.getTime() - 1))).toEqual([0, []]);
    expect(await asOf(new Date(Date.now() + 60_000))).toMatchObject([4, [{ balance: 16 }, { balance: 1 }]]);
    expect(await balances(projections)).toMatchObject([{ balance: 16 }, { balance: 1 }]);
    expect((await projections.status('ledger')).generations).toHaveLength(1);
    const left = opened.state.read(({ sql }) =>
      sql!.run({ texts: [`select 1 from ${sql!.table('ledger.0.accounts')}`], values: [] }),
    );
    await expect(left).rejects.toMatchObject({ code: 'BACKSTORY_STATEMENT_FAILED' });
  });

  it('as of another time its tables are filled by the code that runs here, also where nobody ever started it', async () => {
    const sum = await known(ledger(2))
      .tables<'accounts'>('ledger')
      .asOf(3)
      .query(({ sql, accounts }) => sql`select balance from ${accounts} where account = 'account-1'`);
    expect(sum).toEqual([{ balance: 5 }]);
    await expect(known(ledger(2)).status('ledger')).rejects.toThrow(/There is no projection ledger/);
  });

  it('what is too much for a time, or none, is refused, and what fails at another time leaves nothing', async () => {
    const reader = known(ledger(1)).tables<'accounts'>('ledger');
    const nothing = async () => undefined;
    await expect(reader.asOf(99).query(nothing)).rejects.toThrow(/from 0 to 3, not 99/);
    expect(() => reader.asOf('yesterday' as never)).toThrow(/must be a position of the log or a valid Date/);
    expect(() => reader.asOf(new Date(NaN))).toThrow(/valid Date/);
    await expect(reader.asOf(3, { maxEvents: 2 }).query(nothing)).rejects.toMatchObject({
      ...{ code: 'BACKSTORY_AS_OF_TOO_COSTLY' },
      message: expect.stringMatching(/more than 2 events of account.deposited, account.withdrawn.*maxEvents/),
    });
    await reader.asOf(3, { maxEvents: 3 }).query(nothing);
    also = ({ amount }) => {
      if (amount === 13) throw new Error('unlucky');
    };
    await expect(reader.asOf(3).query(nothing)).rejects.toThrow(/stops before position 2.*unlucky/);
    also = undefined;
    const wrong = reader.asOf(3).query(({ sql, accounts }) => sql`select nothing from ${accounts}`);
    await expect(wrong).rejects.toMatchObject({ code: 'BACKSTORY_STATEMENT_FAILED' });
    const own = new Error('of the asker');
    await expect(reader.asOf(3).query(() => Promise.reject(own))).rejects.toBe(own);
    await (await run(ledger(1))).caughtUp('ledger', 3, IN_TIME);
  });

  it('two processes that start at once make its tables once', async () => {
    const others = await Promise.all([storage.open(), storage.open()].map((it) => files.opened(it)));
    const all = [opened, ...others].map((on) => known(ledger(1), on));
    await Promise.all(all.map((it) => it.start()));
    await all[0]!.caughtUp('ledger', await head(), IN_TIME);
    expect(await balances(all[2]!)).toHaveLength(2);
  });

  it('it has no documents, and documents have no tables', async () => {
    const projections = await run(ledger(1));
    expect(() => projections.named('ledger')).toThrow(/writes tables and has no documents/);
  });
});

/** What is found where versions 1 and 2 of a projection fill their tables in a SQLite file, with deposits into accounts 0, 1 and so on. */
async function compared(things: (version: number) => ProjectionSource, amounts: readonly number[]) {
  const opened = await files.opened(sqlite(files.newFile()).open());
  const record = recording(opened.events);
  for (const [account, amount] of amounts.entries()) await record(String(account), new Deposited(amount));
  const [first, second] = [1, 2].map((version) => projectionsOn(opened, [things(version)]));
  try {
    await first!.start();
    await first!.caughtUp('things', amounts.length, IN_TIME);
    await second!.start();
    await second!.filled('things', 2);
    const found = await second!.verify('things');
    expect((await second!.content('things', 1)).hash).toBe(found.live.hash);
    return { ...found, hasOneHash: found.live.hash === found.other.hash };
  } finally {
    await first!.close();
    await second!.close();
  }
}

it('rows are compared by what is in them, also where the collation takes two texts for one, and beside bytes', async () => {
  const things = (version: number) =>
    sqlProjection('things', {
      version,
      tables: {
        things: {
          columns: { account: 'text', label: 'text collate nocase', bytes: 'blob', amount: 'bigint' },
          key: ['account'],
        },
      },
      events: { Deposited },
      handle: {
        Deposited: async ({ amount }, { stream }, { sql, things: own }: Tables<'things'>) => {
          const label = version === 2 && amount === 13 ? 'ann' : 'Ann';
          const sum = version === 2 && amount === 7 ? 8 : amount;
          await sql`insert into ${own} (account, label, bytes, amount) values (${stream}, ${label}, x'0102', ${sum})`;
        },
      },
    });
  expect(await compared(things, [5, 13, 7])).toMatchObject({
    isEqual: false,
    differences: [
      { key: 'things account-1', path: 'label', live: 'Ann', other: 'ann' },
      { key: 'things account-2', path: 'amount' },
    ],
  });
});

describe('in SQLite, what no driver gives as it is', () => {
  const NUL = `'a' || char(0)`;

  /** Two generations of one row each, or of more of them than fit a page. */
  function verified(type: string, [one, other]: readonly [string, string], rows = 1, key = 'id') {
    const things = (version: number) =>
      sqlProjection('things', {
        version,
        tables: { things: { columns: { id: key === 'id' ? 'integer' : type, value: type }, key: ['id'] } },
        events: { Deposited },
        handle: {
          Deposited: async (_: Deposited, __: unknown, { sql, things: own }: Tables<'things'>) => {
            const value = version === 1 ? one : other;
            const texts = [
              'with recursive n(i) as (select 1 union all select i + 1 from n where i < ',
              ') insert into ',
              ` (id, value) select ${key === 'id' ? 'i' : key}, case i when 1 then ${value} else ${one} end from n`,
            ];
            await sql(Object.assign(texts, { raw: texts }), rows, own);
          },
        },
      });
    return compared(things, [1]);
  }

  it.each<[type: string, values: readonly [string, string], shown: readonly [unknown, unknown]]>([
    ['blob', [`x'00ff'`, `x'00fe'`], [`X'00FF'`, `X'00FE'`]],
    ['blob', [`x'41'`, `'A'`], [`X'41'`, 'A']],
    ['text', [`${NUL} || 'b'`, `${NUL} || 'c'`], [`cast(x'610062' as text)`, `cast(x'610063' as text)`]],
    ['text', [`'a'`, `${NUL} || 'c'`], ['a', `cast(x'610063' as text)`]],
    ['text', [`'NULL'`, 'null'], ['NULL', null]],
    ['real', ['9e999', '-9e999'], ['9e999', '-9e999']],
    ['real', ['9e999', 'null'], ['9e999', null]],
    ['blob', ['1', `'1'`], [1, '1']],
    ['blob', ['1', '1.0'], [1, '1.0']],
  ])('%s: %j differ, and so do the hashes', async (type, values, [live, other]) => {
    expect(await verified(type, values)).toMatchObject({
      ...{ isEqual: false, different: 1, hasOneHash: false },
      differences: [{ key: 'things 1', path: 'value', live, other }],
    });
    expect(await verified(type, [values[0], values[0]])).toMatchObject({ isEqual: true, hasOneHash: true });
  });

  it.each([
    ['text', `${NUL} || i`],
    ['blob', `cast('a' || i as blob)`],
    ['text', `'; commit; ''' || i`],
    ['real', 'i + 0.1'],
    ['real', `case i when 1000 then -9e999 else i end`],
  ])('rows by keys of %s are compared over pages: %s', async (type, key) => {
    expect(await verified(type, ['1', '2'], 2_500, key)).toMatchObject({ documents: 2_500, different: 1 });
  });
});

it('where the state store has no SQL it does not start, and says what it needs', async () => {
  const opened = await files.opened(memory().open());
  const projections = projectionsOn(opened, [ledger(1)]);
  await expect(projections.start()).rejects.toThrow(/projection ledger writes tables.*give `state` a sqlite/);
  await projections.close();
});

it.each<[string, object, RegExp]>([
  ['no tables', { tables: {} }, /needs tables/],
  ['a table with a strange name', { tables: { 'a b': tables.accounts } }, /cannot call a table a b/],
  [
    'a table that is called like what is given beside it',
    { tables: { sql: tables.accounts } },
    /none of sql/,
  ],
  [
    'a key of no column',
    { tables: { a: { columns: { b: 'text' }, key: ['c'] } } },
    /no list of its columns b/,
  ],
  ['no key', { tables: { a: { columns: { b: 'text' }, key: [] } } }, /no list of its columns b/],
  ['no columns', { tables: { a: { columns: {}, key: [] } } }, /has no columns in a/],
  ['too long a name', { tables: { ['a'.repeat(60)]: tables.accounts } }, /more than 50 bytes/],
  ['documents besides', { indexes: ['a'] }, /indexes/],
])('%s is refused', (_what, options, message) => {
  expect(() => ledger(1, options)).toThrow(message);
});

it('a handler that does not end is named, with its event, and tried again', async () => {
  const { events, state, close } = await sqlite(files.newFile(), { transactionTimeoutMs: 100 }).open();
  await recording(events)('1', new Deposited(5));
  let isStuck = true;
  also = () => (isStuck ? new Promise<void>(() => undefined) : Promise.resolve());
  const projections = projectionsOn({ events, state } as OpenStorage, [ledger(1)]);
  try {
    await projections.start();
    const { reason } = await eventually(async () => {
      const now = await projections.status('ledger');
      return now.state === 'retrying' && now;
    });
    expect(reason).toMatch(
      /^Deposited at account\.deposited of account-1, position 1, did not end in time: /,
    );
    isStuck = false;
    await projections.caughtUp('ledger', 1, IN_TIME);
  } finally {
    isStuck = false;
    await projections.close();
    await close();
  }
});
