import type { OpenStorage } from '@backstory/core';
import type { StrayColumn } from '@backstory/core/administration';
import { Client } from 'pg';
import { queryAt } from '../../../test/support/postgres-cluster.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { anEvent, eventsOf, record } from '../../../test/support/sqlite-files.js';
import { MIGRATIONS } from './migrations.js';
import { postgres, type PostgresOptions } from './postgres.js';
import { catalogFirst } from './search-path.js';

let server: PostgresServer;
let url: string;
let storage: OpenStorage;
let client: Client;
beforeAll(async () => {
  server = await startPostgres();
  url = await server.createDatabase();
  storage = await postgres(url, { schema: 'its_own' }).open();
  client = new Client({ connectionString: url });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await storage?.close();
  await server?.stop();
});

/** What is said first: of the table. */
async function examined(): Promise<readonly (string | StrayColumn)[]> {
  for await (const page of storage.events.examine!()) return page;
  return [];
}

test('a database in which nobody did anything says nothing', async () => {
  expect(await examined()).toEqual([]);
});

test('indexes that somebody added, or that are not used, say nothing', async () => {
  await client.query('create index of_somebody on its_own.events (type) where position > 7');
  await client.query('create index unfinished on its_own.events (type)');
  await client.query(
    `update pg_index set indisvalid = false where indexrelid = 'its_own.unfinished'::regclass`,
  );
  await client.query(`create index on its_own.events (recorded_at) where type = 'account.paid'`);
  expect(await examined()).toEqual([]);
  await client.query('drop index its_own.of_somebody, its_own.unfinished, its_own.events_recorded_at_idx');
});

const forged = (position: string) =>
  `insert into events (position, stream, version, id, type, schema_version, append_index, correlation_id, recorded_at, size, data, metadata)
    values (${position}, 'a-1', 1, 'x', 't', 1, 0, 'x', now(), 4, '{}', '{}')`;
const FORGED_GONE =
  'alter table events disable trigger all; delete from events; alter table events enable trigger all';

/** Makes the functions again that say where something is. */
const PLACES = [
  ...MIGRATIONS[0]!.sql('"its_own"').matchAll(/^create (function \S+\.last_\w+_by\(.*?\$\$;)$/gms),
]
  .map(([, made]) => `create or replace ${made}`)
  .join('\n');

test.each([
  ...['-7', '9007199254740993'].map((position) => [
    `a row at position ${position}`,
    forged(position),
    /^rows at positions that no log has: 1$/,
    FORGED_GONE,
  ]),
  ...['numeric', 'float8'].map((type) => [
    `a position of type ${type} that is no number`,
    `alter table events alter position type ${type}; ${forged(`'NaN'`)}`,
    /^rows at positions that no log has: 1,its column is not what it was made as: position bigint not null$/,
    `${FORGED_GONE}; alter table events alter position type bigint`,
  ]),
  [
    'no position at all',
    `alter table events drop constraint events_pkey; alter table events alter position drop not null; ${forged('null')}`,
    /^rows at positions that no log has: 1,its column .*: position bigint not null,nothing keeps this unique: position$/,
    `${FORGED_GONE}; alter table events add primary key (position)`,
  ],
  [
    'another collation',
    'alter table events alter stream type text collate "POSIX"',
    /^its column is not what it was made as: stream text collate "C" not null$/,
    'alter table events alter stream type text collate "C"',
  ],
  [
    'a collation of the same name',
    `create collation its_own."C" (provider = libc, locale = 'POSIX'); alter table events alter type type text collate its_own."C"`,
    /^its column is not what it was made as: type text collate "C" not null$/,
    'alter table events alter type type text collate pg_catalog."C"; drop collation its_own."C"',
  ],
  [
    'a table that a crash empties',
    'alter table events set unlogged',
    /^its table of events .* unlogged/,
    'alter table events set logged',
  ],
  [
    'a key that takes the same twice',
    `alter table events drop constraint events_stream_version_key; create index of_streams on events (stream, version);
      create unique index in_part on events (stream, version) where position > 7; create unique index more on events (stream, version, id)`,
    /^nothing keeps this unique: stream, version$/,
    `drop index of_streams, in_part, more; alter table events add unique (stream, version)`,
  ],
  [
    'a key that nobody finished',
    `update pg_index set indisvalid = false where indexrelid = 'events_id_key'::regclass`,
    /^nothing keeps this unique: id$/,
    `update pg_index set indisvalid = true where indexrelid = 'events_id_key'::regclass`,
  ],
  [
    'a policy',
    'alter table events enable row level security',
    /^its table of events .* has rules, policies or parts$/,
    'alter table events disable row level security',
  ],
  [
    'a part',
    'create table part () inherits (events)',
    /^its table of events .* has rules, policies or parts$/,
    'drop table part',
  ],
  [
    'a rule',
    'create rule more as on insert to events do also nothing',
    /^its table of events .* has rules, policies or parts$/,
    'drop rule more on events',
  ],
  [
    'a column that is worked out',
    `alter table events rename data to hidden; alter table events add data json not null generated always as (hidden) stored`,
    /^its column is not what it was made as: data json not null$/,
    'alter table events drop data; alter table events rename hidden to data',
  ],
  [
    'a key of more than its columns',
    `alter table events drop constraint events_stream_version_key; create unique index more on events (stream, version, (position % 2))`,
    /^nothing keeps this unique: stream, version$/,
    'drop index more; create unique index events_stream_version_key on events (stream, version) include (size)',
  ],
  [
    'a key in an order of somebody',
    `create operator class odd for type bigint using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >,
        function 1 btint8cmp(bigint, bigint);
      drop index events_stream_version_key; create unique index of_odd on events (stream, version odd)`,
    /^these indexes are in an order that is not of PostgreSQL: of_odd,nothing keeps this unique: stream, version$/,
    `drop operator family odd using btree cascade; alter table events add unique (stream, version)`,
  ],
  [
    'a function of the store that does something else',
    `create or replace function last_version_by(name text, bound bigint) returns bigint
      language plpgsql stable set search_path = its_own, pg_temp as 'begin return 1; end'`,
    /^these functions of the store are not what they were made as: last_version_by$/,
    PLACES,
  ],
  [
    'a function of the store that reads elsewhere',
    'alter function last_version_by(text, bigint) set search_path = pg_temp, its_own',
    /^these functions of the store are not what they were made as: last_version_by$/,
    'alter function last_version_by(text, bigint) set search_path = "its_own", pg_temp',
  ],
  [
    'a function of the store beside another of its name',
    `create function last_version_by(name text, bound int) returns bigint language sql as 'select 1'`,
    /^these functions of the store are not what they were made as: last_version_by$/,
    'drop function last_version_by(text, int)',
  ],
  [
    'a function of the store that is gone',
    'drop function last_position_by(timestamptz)',
    /^these functions of the store are not what they were made as: last_position_by$/,
    PLACES,
  ],
  [
    'an index of which the server knows that it is not ready',
    `update pg_index set indisready = false where indexrelid = 'events_type'::regclass`,
    /^these indexes do not have every event: events_type$/,
    `update pg_index set indisready = true where indexrelid = 'events_type'::regclass`,
  ],
  [
    'an index that leaves something out',
    'drop index events_type; create index events_type on events (type, position) where position <> 7',
    /^these indexes do not have every event: .*events_type$/,
    'drop index events_type; create index events_type on events (type, position)',
  ],
  [
    'a view',
    'alter table events rename to hidden; create view events as select * from hidden',
    /^its table of events is a view/,
    'drop view events; alter table hidden rename to events',
  ],
] as [string, string, RegExp, string][])(
  '%s is said, and nothing once it is gone',
  async (_, sql, message, undo) => {
    await client.query(`set search_path = its_own; ${sql}`);
    expect((await examined()).map(String).join()).toMatch(message);
    await client.query(undo);
    expect(await examined()).toEqual([]);
  },
);

test('a server that quotes all names says nothing', async () => {
  await client.query('alter role current_user set quote_all_identifiers = on');
  const other = await postgres(url, { schema: 'its_own' }).open();
  for await (const page of other.events.examine!()) expect(page).toEqual([]);
  await other.close();
  await client.query('alter role current_user reset quote_all_identifiers');
});

test('tables of its own that a connection has for a time say nothing', async () => {
  const one = await postgres(url, { schema: 'its_own', maxConnections: 1 }).open();
  await one.state.transaction([], async ({ sql }) => {
    await sql!.run({ texts: ['create temporary table mine (n int)'], values: [] });
  });
  for await (const page of one.events.examine!()) expect(page).toEqual([]);
  await one.close();
});

test.each([3, 1_000])('a position that stands twice, %d, is said', async (position) => {
  const twice = await server.createDatabase();
  const made = await postgres(twice).open();
  for (let i = 0; i < 3; i++)
    await record(made.events, 'a-1', ...Array.from({ length: 500 }, () => anEvent()));
  await queryAt(
    twice,
    `set search_path = backstory; alter table events disable trigger all;
    update pg_index set indisunique = false where indexrelid = 'events_pkey'::regclass`,
  );
  await queryAt(
    twice,
    `set search_path = backstory; insert into events select position, 'a-2', 1, 'x', type, schema_version, append_index, correlation_id,
      causation_id, recorded_at, size, data, metadata from events where position = ${position};
    update pg_index set indisunique = true where indexrelid = 'events_pkey'::regclass`,
  );
  const said: unknown[] = [];
  for await (const page of made.events.examine!()) said.push(...page);
  expect(said).toEqual([expect.stringMatching(/^a position after 0, up to (999|1000), stands twice$/)]);
  expect((await eventsOf(made.events)).length).toBeGreaterThanOrEqual(1_500);
  await made.close();
});

test("a conversion of somebody's is said, and one that is as the server's own is not", async () => {
  const found = await server.createDatabase();
  const made = await postgres(found).open();
  const said = async () => {
    const all: unknown[] = [];
    for await (const page of made.events.examine!()) all.push(...page);
    return all;
  };
  await queryAt(found, 'create cast (integer as text) with inout as implicit');
  expect(await said()).toEqual([]);
  await queryAt(
    found,
    `create function public.shown(json) returns text language sql as $$select '{}'$$;
    create cast (json as text) with function public.shown(json)`,
  );
  expect(await said()).toEqual(['these conversions are not those of PostgreSQL: json to text']);
  await made.close();
});

describe('a schema that stands before that of PostgreSQL', () => {
  let found: string;
  beforeAll(async () => {
    found = await server.createDatabase();
    const made = await postgres(found).open();
    await record(made.events, 'a-1', anEvent('one'), anEvent('two'));
    await made.close();
    await queryAt(
      found,
      `create schema evil;
      create function evil.same(text, text) returns boolean language sql immutable
        as $$select $1 operator(pg_catalog.=) $2 and $2 operator(pg_catalog.<>) 'one'$$;
      create operator evil.= (leftarg = text, rightarg = text, function = evil.same);
      create function evil.split_part(text, text, int) returns text language sql as $$select 'x'$$;
      create table evil.pg_class as select * from pg_catalog.pg_class; update evil.pg_class set relkind = 'v';
      do $$begin execute format('alter database %I set search_path = evil, "$user", pg_Catalog', current_database()); end$$`,
    );
  });

  async function read(options: PostgresOptions): Promise<readonly unknown[]> {
    const storage = await postgres(found, options).open({ readOnly: true });
    try {
      const count = await eventsOf(storage.events, { categories: ['a'], types: ['one'] });
      for await (const page of storage.events.examine!()) return [count.length, page];
      return [];
    } finally {
      await storage.close();
    }
  }

  test('changes nothing for connections of the store', async () => {
    expect(await read({})).toEqual([1, []]);
  });

  test('is said where a proxy lets nothing be set', async () => {
    const [, said] = await read({ prepare: false });
    expect(said).toEqual(['what search_path finds before what PostgreSQL means: evil']);
  });

  test('stays where it is for a client of somebody', async () => {
    const own = new Client({ connectionString: found });
    await own.connect();
    const storage = await postgres(found).open();
    const path = async () => (await own.query('show search_path')).rows[0].search_path as string;
    const before = await path();
    const transaction = (await storage.within!(own, 'x'))!;
    expect(await path()).toBe(before);
    await transaction.commit();
    expect(await path()).toBe('evil, "$user", pg_catalog');
    await storage.close();
    await own.end();
  });
});

test.each([
  ['', undefined],
  ['"$user", public', undefined],
  ['pg_catalog, public', undefined],
  ['"PG_CATALOG", public', undefined],
  ['public, PG_Catalog ,"a, ""b"', 'public, "a, ""b"'],
  ['a,"pg_catalog",pg_catalog', 'a'],
])('of the path %s comes %j', (path, first) => expect(catalogFirst(path)).toBe(first));
