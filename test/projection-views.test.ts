import { Recorder, type OpenStorage, type Storage } from '@backstory/core';
import { EventTypes } from '@backstory/events';
import { postgres } from '@backstory/postgres';
import { GenerationUnusable, type Projections } from '@backstory/projection';
import { sqlProjection } from '@backstory/projection/sql';
import { sqlite } from '@backstory/sqlite';
import { Client } from 'pg';
import { Deposited } from './support/bank-events.js';
import { IN_TIME, eventually } from './support/eventually.js';
import { startPostgres, type PostgresServer } from './support/postgres-server.js';
import { projectionsOn } from './support/projecting.js';
import { sqliteFiles } from './support/sqlite-files.js';

const accounts = {
  columns: { account: 'text', version: 'integer not null', balance: 'numeric(12,2) not null' },
  key: ['account'],
};
const movements = {
  columns: { position: 'bigint', version: 'integer not null', amount: 'numeric(12,2) not null' },
  key: ['position'],
};

/** Two tables that hold the same amounts, and say in every row which version has made it. */
const marked = (version: number) =>
  sqlProjection('marked', {
    version,
    tables: { accounts, movements },
    events: { Deposited },
    handle: {
      Deposited: async ({ amount }, { stream, position }, own) => {
        const { sql } = own;
        await sql`insert into ${own.movements} (position, version, amount) values (${position}, ${version}, ${amount})`;
        await sql`insert into ${own.accounts} as a (account, version, balance) values (${stream}, ${version}, ${amount})
          on conflict (account) do update set balance = a.balance + excluded.balance`;
      },
    },
  });

/** Its first table has a column more, its second is another one. */
const otherwise = sqlProjection('marked', {
  version: 3,
  tables: {
    accounts: { ...accounts, columns: { ...accounts.columns, deposits: 'integer not null' } },
    totals: { columns: { name: 'text', total: 'bigint not null' }, key: ['name'] },
  },
  events: { Deposited },
  handle: {
    Deposited: ({ amount }, { stream }, { sql, accounts: own }) =>
      sql`insert into ${own} as a (account, version, balance, deposits) values (${stream}, ${3}, ${amount}, 1)
        on conflict (account) do update set balance = a.balance + excluded.balance, deposits = a.deposits + 1`,
  },
});

const types = new EventTypes([Deposited]);
const files = sqliteFiles();
let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()), 60_000);
afterAll(() => server.stop());

let opened: OpenStorage;
const running: Projections[] = [];
afterEach(async () => {
  for (const it of running.splice(0)) await it.close();
});

async function run(source: Parameters<typeof projectionsOn>[1][number]): Promise<Projections> {
  const projections = projectionsOn(opened, [source]);
  running.push(projections);
  await projections.start();
  return projections;
}

async function record(): Promise<void> {
  const writes = Array.from({ length: 20 }, (_, i) => ({
    stream: `account-${i}`,
    expected: 'any' as const,
    events: [types.encode(new Deposited(1 + i))],
  }));
  await new Recorder(opened.events, { source: 'test' }).record(writes);
}

async function caughtUp(projections: Projections): Promise<void> {
  await projections.caughtUp('marked', (await opened.events.identity()).head, IN_TIME);
}

/** As soon as it can be done: others read meanwhile, and on a busy machine what is filled comes late. */
function whenReady<T>(work: () => Promise<T>): Promise<T> {
  return eventually(
    () =>
      work().catch((error: unknown) => {
        if (error instanceof GenerationUnusable) return undefined;
        throw error;
      }),
    IN_TIME.timeoutMs,
  );
}

type Row = Readonly<Record<string, unknown>>;
/** Asks in SQL of its own, as others do who know nothing of Backstory. Statements that are asked together are of one transaction. */
interface Line {
  readonly ask: (...statements: readonly string[]) => Promise<readonly (readonly Row[])[]>;
  readonly close: () => Promise<void>;
}

const SCHEMA = '-c search_path=backstory';

async function postgresLine(url: string, begin?: string): Promise<Line> {
  const client = new Client({ connectionString: url, options: SCHEMA });
  await client.connect();
  const ask = async (...statements: readonly string[]) => {
    const answers: (readonly Row[])[] = [];
    if (begin !== undefined) await client.query(begin);
    for (const text of statements) answers.push((await client.query<Row>(text)).rows);
    if (begin !== undefined) await client.query('commit');
    return answers;
  };
  return { ask, close: () => client.end() };
}

async function sqliteLine(file: string): Promise<Line> {
  const own = await sqlite(file).open();
  const ask = (...statements: readonly string[]) =>
    own.state.read(async ({ sql }) => {
      const answers: (readonly Row[])[] = [];
      for (const text of statements) answers.push(await sql!.run({ texts: [text], values: [] }));
      return answers;
    });
  return { ask, close: () => own.close() };
}

const BOTH = `select distinct version from (
  select version from "marked.accounts" union all select version from "marked.movements") both_tables`;
const SUMS = ['accounts', 'movements'].map(
  (table) => `select min(version) as low, max(version) as high,
    cast(sum(${table === 'accounts' ? 'balance' : 'amount'}) as text) as sum from "marked.${table}"`,
);

/** Reads again and again until it is told to end; gives how often it has seen each version. */
function reader(line: Line, check: (line: Line) => Promise<number>) {
  const seen = new Map<number, number>();
  let isOver = false;
  const reading = (async () => {
    while (!isOver) {
      const version = await check(line);
      seen.set(version, (seen.get(version) ?? 0) + 1);
      await new Promise((next) => setTimeout(next, 10));
    }
  })();
  reading.catch(() => undefined);
  const sees = (version: number) => {
    const before = seen.get(version) ?? 0;
    return Promise.race([reading, eventually(() => (seen.get(version) ?? 0) > before + 1)]);
  };
  const end = async () => {
    isOver = true;
    await reading;
  };
  return { seen, sees, end };
}

/** Both tables in one statement. */
async function atOnce({ ask }: Line): Promise<number> {
  const [rows] = await ask(BOTH);
  expect(rows).toHaveLength(1);
  return Number(rows![0]!['version']);
}

/** One table after the other; `isSame`: as of the same position. */
const together =
  (isSame: boolean) =>
  async ({ ask }: Line): Promise<number> => {
    const [first, second] = (await ask(...SUMS)).map(([row]) => row!);
    const { low, high, sum } = second!;
    expect([first!['low'], first!['high'], high]).toEqual([low, low, low]);
    if (isSame) expect(Number(first!['sum'])).toBe(Number(sum));
    return Number(low);
  };

type Reading = readonly [
  name: string,
  line: (at: string) => Promise<Line>,
  check: (line: Line) => Promise<number>,
];
const POSTGRES: readonly Reading[] = [
  ['a statement', (url) => postgresLine(url), atOnce],
  ['statements of a transaction', (url) => postgresLine(url, 'begin'), together(false)],
  [
    'statements of a transaction of one snapshot',
    (url) => postgresLine(url, 'begin isolation level repeatable read'),
    together(true),
  ],
];
const SQLITE: readonly Reading[] = [
  ['a statement', sqliteLine, atOnce],
  ['statements of a transaction', sqliteLine, together(true)],
];

describe.each([
  ['SQLite', async () => files.newFile(), (at: string): Storage => sqlite(at), SQLITE],
  ['PostgreSQL', () => server.createDatabase(), (at: string): Storage => postgres(at), POSTGRES],
] as const)('on %s', (_, newPlace, storageAt, readings) => {
  let at: string;
  const lines: Line[] = [];
  const line = async (opening: Promise<Line>) => {
    const it = await opening;
    lines.push(it);
    return it;
  };
  beforeEach(async () => {
    at = await newPlace();
    opened = await files.opened(storageAt(at).open());
  });
  afterEach(async () => {
    for (const it of lines.splice(0)) await it.close();
  });

  it('whoever reads the views a hundred times a second sees neither an error nor a mixture while it is rebuilt, verified, swapped, taken back and dropped', async () => {
    for (let i = 0; i < 5; i++) await record();
    const first = await run(marked(1));
    await caughtUp(first);
    const readers = await Promise.all(
      readings.map(async ([, lineTo, check]) => reader(await line(lineTo(at)), check)),
    );
    const all = (version: number) => Promise.all(readers.map((it) => it.sees(version)));
    let isOver = false;
    const writer = (async () => {
      while (!isOver) {
        await record();
        await new Promise((next) => setTimeout(next, 200));
      }
    })();
    try {
      await all(1);
      const second = await run(marked(2));
      await second.filled('marked', 2);
      expect((await second.verify('marked')).isEqual).toBe(false);
      await whenReady(() => second.swap('marked'));
      await all(2);
      await second.rollback('marked');
      await all(1);
      await second.fill('marked', { reason: 'once more' });
      await whenReady(() => second.swap('marked'));
      await all(2);
      await second.drop('marked', { generation: 1 });
      await all(2);
    } finally {
      isOver = true;
      await writer;
      await Promise.all(readers.map((it) => it.end()));
    }
    for (const { seen } of readers) expect([...seen.keys()].sort()).toEqual([1, 2]);
  });

  it('they are there from the beginning, and a version with other tables and columns has its own', async () => {
    const { ask } = await line(readings[0]![1](at));
    const first = await run(marked(1));
    expect(await ask('select * from "marked.accounts"', 'select * from "marked.movements"')).toEqual([
      [],
      [],
    ]);
    await record();
    await caughtUp(first);
    const third = await run(otherwise);
    await third.filled('marked', 2);
    await third.swap('marked');
    const [rows, totals] = await ask(
      `select account, version, deposits from "marked.accounts" where account = 'account-3'`,
      'select * from "marked.totals"',
    );
    expect([rows, totals]).toEqual([[{ account: 'account-3', version: 3, deposits: 1 }], []]);
    await expect(ask('select * from "marked.movements"')).rejects.toThrow(/marked\.movements/);
    await third.rollback('marked');
    const back = await line(readings[0]![1](at));
    expect((await back.ask('select count(*) as n from "marked.movements"'))[0]).toEqual([
      { n: expect.anything() },
    ]);
    await expect(back.ask('select deposits from "marked.accounts"')).rejects.toThrow(/deposits/);
  });

  it('a database that had tables before there were views has them once it starts', async () => {
    const first = await run(marked(1));
    await record();
    await caughtUp(first);
    await first.close();
    await opened.state.transaction([], async ({ sql }) => {
      const names = ['marked.accounts', 'marked.movements'].map((it) => `view ${sql!.table(it)}`);
      if (sql!.dialect === 'postgres') names.push(`table ${sql!.table('marked.generation')}`);
      for (const it of names) await sql!.run({ texts: [`drop ${it}`], values: [] });
    });
    const { ask } = await line(readings[0]![1](at));
    await expect(ask(BOTH)).rejects.toThrow(/marked\.accounts/);
    await run(marked(1));
    const { ask: again } = await line(readings[0]![1](at));
    expect(await again(BOTH)).toEqual([[{ version: 1 }]]);
  });
});

describe('in PostgreSQL', () => {
  let url: string;
  const clients: Client[] = [];
  const connected = async () => {
    const client = new Client({ connectionString: url, options: SCHEMA });
    clients.push(client);
    await client.connect();
    return client;
  };
  const versions = async (client: Client) =>
    (await client.query<Row>(BOTH)).rows.map(({ version }) => version);
  beforeEach(async () => {
    url = await server.createDatabase();
    opened = await files.opened(postgres(url).open());
    await record();
  });
  afterEach(async () => {
    for (const it of clients.splice(0)) await it.end();
  });

  it('a snapshot from before a swap shows what was read then, until that is dropped', async () => {
    const first = await run(marked(1));
    await caughtUp(first);
    const [reader, other] = [await connected(), await connected()];
    for (const client of [reader, other]) {
      await client.query('begin isolation level repeatable read');
      await client.query('select 1');
    }
    const second = await run(marked(2));
    await second.filled('marked', 2);
    await second.swap('marked');
    expect(await versions(reader)).toEqual([1]);
    await reader.query('commit');
    expect(await versions(reader)).toEqual([2]);
    await second.drop('marked');
    await expect(versions(other)).rejects.toThrow(/generation 1 is gone: begin the transaction again/);
    await other.query('rollback');
    expect(await versions(other)).toEqual([2]);
  });

  it('what was granted on a view and built upon it stays through a swap', async () => {
    const first = await run(marked(1));
    await caughtUp(first);
    const owner = await connected();
    await owner.query('create view rich as select account from "marked.accounts" where balance > 10');
    await owner.query('grant select on "marked.accounts" to public');
    const grants = async () =>
      (
        await owner.query<Row>(
          `select grantee from information_schema.role_table_grants where table_name = 'marked.accounts' and grantee = 'PUBLIC'`,
        )
      ).rows;
    const second = await run(marked(2));
    await second.filled('marked', 2);
    await second.swap('marked');
    expect(await grants()).toEqual([{ grantee: 'PUBLIC' }]);
    expect((await owner.query('select * from rich')).rows).toHaveLength(10);
  });

  it('a swap waits for whoever is reading, and others who read meanwhile do not wait for that', async () => {
    const first = await run(marked(1));
    await caughtUp(first);
    const [report, others] = [await connected(), await connected()];
    await report.query('begin');
    expect(await versions(report)).toEqual([1]);
    const second = await run(marked(2));
    await second.filled('marked', 2);
    let isSwapped = false;
    const swapping = whenReady(() => second.swap('marked')).then(() => (isSwapped = true));
    await someoneWaits(others);
    expect(await versions(others)).toEqual([1]);
    expect([isSwapped, await versions(report)]).toEqual([false, [1]]);
    await report.query('commit');
    await swapping;
    expect(await versions(report)).toEqual([2]);
  });

  it('a rollback waits as well, although no definition changes', async () => {
    const first = await run(marked(1));
    await caughtUp(first);
    const second = await run(marked(2));
    await second.filled('marked', 2);
    await second.swap('marked');
    const [report, others] = [await connected(), await connected()];
    await report.query('begin');
    expect(await versions(report)).toEqual([2]);
    let isBack = false;
    const goingBack = second.rollback('marked').then(() => (isBack = true));
    await Promise.race([goingBack, someoneWaits(others)]);
    expect([isBack, await versions(report)]).toEqual([false, [2]]);
    await report.query('commit');
    await goingBack;
    expect(await versions(report)).toEqual([1]);
  });

  /** An attempt has been made, which keeps others waiting no longer than it waits itself. */
  const someoneWaits = (looking: Client) =>
    eventually(async () => {
      const { rows } = await looking.query<Row>(
        `select 1 from pg_locks where mode = 'AccessExclusiveLock' and not granted and relation = '"marked.accounts"'::regclass`,
      );
      return rows.length > 0;
    });
});

it('a name that ends like that of a generation is refused', () => {
  expect(() =>
    sqlProjection('marked.2', { version: 1, tables: { accounts }, events: {}, handle: {} }),
  ).toThrow(/ends like that of a generation/);
});
