import type { OpenStorage, Storage } from '@backstory/core';
import { StatementFailed, type SqlSession, type SqlValue } from '@backstory/core/state';
import { StoreClosed } from '@backstory/core/store';
import { postgres } from '@backstory/postgres';
import { sqlite } from '@backstory/sqlite';
import { startPostgres, type PostgresServer } from './support/postgres-server.js';
import { sqliteFiles } from './support/sqlite-files.js';

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()), 60_000);
afterAll(() => server.stop());
const files = sqliteFiles();

const run = (session: SqlSession, text: string, ...values: SqlValue[]) => {
  const texts = text.split('?');
  return session.run({ texts, values });
};

describe.each([
  ['SQLite', async () => sqlite(files.newFile())],
  ['PostgreSQL', async () => postgres(await server.createDatabase())],
] as readonly (readonly [string, () => Promise<Storage>])[])('on %s', (_, storage) => {
  let { state }: Pick<OpenStorage, 'state'> = {} as OpenStorage;
  let table: string;
  const rows = () => state.read(({ sql }) => run(sql!, `select n, text from ${table} order by n`));
  beforeEach(async () => {
    ({ state } = await files.opened((await storage()).open()));
    await state.transaction([], async ({ sql }) => {
      table = sql!.table('a "strange".name');
      await run(sql!, `create table ${table} (n bigint primary key, text text)`);
    });
  });

  it('statements commit with the transaction, which sees them, and are rolled back with it', async () => {
    await state.transaction([], async (tx) => {
      expect(await run(tx.sql!, `insert into ${table} values (?, ?)`, 1, `it's ?`)).toEqual([]);
      const inserted = await run(tx.sql!, `insert into ${table} values (?, ?) returning n, text`, 2, null);
      expect(inserted).toEqual([{ n: 2, text: null }]);
      await tx.put('beside', 'a', 'b');
    });
    const failed = state.transaction([], async (tx) => {
      await run(tx.sql!, `delete from ${table}`);
      await tx.put('beside', 'a', 'c');
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect(await rows()).toEqual([
      { n: 1, text: `it's ?` },
      { n: 2, text: null },
    ]);
    expect(await state.read((view) => view.get('beside', 'a'))).toBe('b');
  });

  it('a read sees one state, and writes nothing', async () => {
    await state.read(async ({ sql }) => {
      const count = `select count(*) as n from ${table}`;
      expect(await run(sql!, count)).toEqual([{ n: 0 }]);
      await state.transaction(
        [],
        async (tx) => void (await run(tx.sql!, `insert into ${table} values (1, null)`)),
      );
      expect(await run(sql!, count)).toEqual([{ n: 0 }]);
    });
    const writing = state.read(({ sql }) => run(sql!, `insert into ${table} values (2, null)`));
    await expect(writing).rejects.toThrow(StatementFailed);
    await expect(writing).rejects.toThrow(/refused: .*read-only.* It is: insert into/);
    const misspelt = state.read(({ sql }) => run(sql!, 'select * from nowhere'));
    await expect(misspelt).rejects.toThrow(/refused: .*nowhere.* It is: select/);
    expect(await rows()).toHaveLength(1);
  });

  it('whole numbers beyond 2^53 are given and come as bigint, and those beyond 64 bits are refused', async () => {
    const large = [-(2n ** 63n), 2n ** 53n + 1n, 2n ** 63n - 1n];
    await state.transaction([], async ({ sql }) => {
      for (const n of large) await run(sql!, `insert into ${table} values (?, ?)`, n, 'large');
      await run(sql!, `insert into ${table} values (?, ?)`, 7n, 'small');
    });
    expect((await rows()).map(({ n }) => n)).toEqual([large[0], 7, large[1], large[2]]);
    const found = await state.read(({ sql }) => run(sql!, `select n from ${table} where n > ?`, large[1]!));
    expect(found).toEqual([{ n: large[2] }]);
    for (const n of [2n ** 63n, -(2n ** 63n) - 1n])
      await expect(state.read(({ sql }) => run(sql!, 'select ?', n))).rejects.toThrow(StatementFailed);
  });

  it('what it was taken from is over, and so is it', async () => {
    let [kept, read]: (SqlSession | undefined)[] = [];
    await state.transaction([], async ({ sql }) => void (kept = sql));
    await state.read(async ({ sql }) => void (read = sql));
    for (const session of [kept, read])
      await expect(run(session!, 'select 1 as one')).rejects.toThrow(StoreClosed);
  });

  it.each([
    'commit',
    'ROLLBACK',
    '-- now\n begin',
    "/* ' */ savepoint a",
    'set search_path to public',
    'pragma query_only = 0',
    'select 1; commit',
    "select ';'; commit",
    '',
    'select from from',
    'select * from nowhere',
  ])('%j is refused, and what it is part of is rolled back', async (text) => {
    const failed = state.transaction([], async ({ sql }) => {
      await run(sql!, `insert into ${table} values (1, null)`);
      await run(sql!, text);
    });
    await expect(failed).rejects.toThrow(StatementFailed);
    expect(await rows()).toEqual([]);
  });

  it.each([NaN, Infinity, undefined, '\ud800', 'a\0b', new Date(NaN), { a: 1 }, 2n ** 63n])(
    '%p is no parameter',
    async (value) => {
      const failed = state.transaction([], ({ sql }) => run(sql!, 'select ? as value', value as SqlValue));
      await expect(failed).rejects.toThrow(/it cannot be given/);
    },
  );

  it('whole numbers are whole, whatever column they come into, and exact beyond 2^53', async () => {
    await state.transaction([], async ({ sql }) => {
      for (const n of [7, -3]) await run(sql!, `insert into ${table} values (?, ?)`, n, n);
      await run(sql!, `insert into ${table} values (?, null)`, 2 ** 53 - 1);
      await run(sql!, `update ${table} set n = n + 2 where text is null`);
    });
    expect(await rows()).toEqual([
      { n: -3, text: '-3' },
      { n: 7, text: '7' },
      { n: 2n ** 53n + 1n, text: null },
    ]);
    const halves = await state.read(({ sql }) =>
      run(sql!, `select ? / 2 as half, n / 2 as n from ${table} where n = 7`, 7),
    );
    expect(halves).toEqual([{ half: 3, n: 3 }]);
    const part = await state.read(({ sql }) => run(sql!, 'select cast(? as float) / 2 as half', 1.5));
    expect(part).toEqual([{ half: 0.75 }]);
  });

  it('a semicolon at the end, or in a text, ends nothing', async () => {
    const found = await state.read(({ sql }) => run(sql!, "select 'a;b' as text;"));
    expect(found).toEqual([{ text: 'a;b' }]);
  });

  it('a transaction that collides with another is run again', async () => {
    await state.transaction(
      [],
      async ({ sql }) => void (await run(sql!, `insert into ${table} values (1, 'x')`)),
    );
    const add = () =>
      state.transaction([], async ({ sql }) => {
        const [{ text }] = (await run(sql!, `select text from ${table} where n = 1`)) as [{ text: string }];
        await run(sql!, `update ${table} set text = ? where n = 1`, `${text}x`);
      });
    await Promise.all([add(), add(), add(), add()]);
    expect(await rows()).toEqual([{ n: 1, text: 'xxxxx' }]);
  });
});

it('PostgreSQL gives whole numbers as numbers up to 2^53, and days as they are written', async () => {
  const { state } = await files.opened(postgres(await server.createDatabase()).open());
  const text = `select 9007199254740991::bigint as a, 9007199254740993::bigint as b, 1.50::numeric as c, date '2026-11-28' as d, true as e, null as f`;
  const [row] = await state.read(({ sql }) => run(sql!, text));
  expect(row).toEqual({ a: 2 ** 53 - 1, b: 2n ** 53n + 1n, c: '1.50', d: '2026-11-28', e: true, f: null });
});
