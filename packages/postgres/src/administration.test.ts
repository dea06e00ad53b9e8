import { StoreUnavailable, type OpenStorage } from '@backstory/core';
import { Client, escapeIdentifier } from 'pg';
import { queryAt } from '../../../test/support/postgres-cluster.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { anEvent, eventsOf, record } from '../../../test/support/sqlite-files.js';
import { PostgresAdministration } from './administration.js';
import { Database, type DatabaseOptions } from './database.js';
import { install } from './install.js';
import { MIGRATIONS, type SchemaMigration } from './migrations.js';
import { postgres } from './postgres.js';

let server: PostgresServer;
let url: string;
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => void (server = await startPostgres()));
beforeEach(async () => void (url = await server.createDatabase()));
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => server?.stop());

function place(schema = 'backstory', user?: string): DatabaseOptions {
  const connection = { connectionString: urlOf(user) };
  return {
    store: 'postgres:test',
    schema: escapeIdentifier(schema),
    connection,
    maxConnections: 2,
    prepare: true,
  };
}

/** What a release that knows these steps does by hand. */
function administration(steps: readonly SchemaMigration[] = MIGRATIONS, schema = 'backstory', user?: string) {
  const made = new PostgresAdministration(place(schema, user), steps);
  closing.push(() => made.close());
  return made;
}

function administrationAt(connectionString: string) {
  const made = new PostgresAdministration({ ...place(), connection: { connectionString } });
  closing.push(() => made.close());
  return made;
}

/** What a release that knows these steps does when an application opens the store. */
async function openedBy(steps: readonly SchemaMigration[], create = true): Promise<void> {
  const database = new Database(place()).retain();
  await install(database, { create, steps }).finally(() => database.release());
}

async function open(schema = 'backstory'): Promise<OpenStorage> {
  const storage = await postgres(url, { schema }).open();
  closing.push(() => storage.close());
  return storage;
}

function urlOf(user: string | undefined): string {
  const own = new URL(url);
  own.username = user ?? own.username;
  return own.href;
}

async function bystander(): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  closing.push(() => client.end());
  return client;
}

const SECOND: SchemaMigration = {
  version: 2,
  usableFrom: 1,
  summary: 'a note beside each event',
  sql: (schema) => `alter table ${schema}.events add column note text;
    create function ${schema}.append_v2() returns int language sql as 'select 2';`,
};
const THIRD: SchemaMigration = {
  version: 3,
  usableFrom: 3,
  summary: 'the first append function goes',
  sql: (schema) => `drop function ${schema}.append_v1;`,
};

test('a store that is missing is said to be, is made once, and is said to be there', async () => {
  const admin = administration();
  expect(await admin.status()).toMatchObject({
    store: 'postgres:test',
    version: 0,
    wanted: 1,
    log: undefined,
  });
  expect((await admin.plan()).map(({ version }) => version)).toEqual([1]);
  await expect(admin.migrate()).rejects.toMatchObject({ problem: 'missing' });
  await expect(admin.drop()).rejects.toMatchObject({ problem: 'missing' });
  expect(await admin.init()).toBe(true);
  expect(await admin.init()).toBe(false);
  await record((await open()).events, 'a-1', anEvent());
  const { version, log, facts } = await admin.status();
  expect({ version, log }).toMatchObject({ version: 1, log: { head: 1, epoch: 1 } });
  expect(facts).toMatchObject({ role: 'primary', synchronous_commit: 'on', schema: '"backstory"' });
  expect(facts['server']).toMatch(/^PostgreSQL \d+/);
  expect(facts['log in bytes']).toBeGreaterThan(8_192);
  expect(await admin.plan()).toEqual([]);
});

test('a clock that runs behind the log is reported', async () => {
  const admin = administration();
  await record((await open()).events, 'a-1', anEvent());
  const client = await bystander();
  await client.query(`insert into backstory.events
    select 2, stream, 2, 'ahead', type, 1, 0, correlation_id, null, now() + interval '1 hour', size, data, metadata from backstory.events`);
  const { facts } = await admin.status();
  expect(facts['clock held back in seconds']).toBeGreaterThan(3_500);
});

test('what init runs can be run by other means, and makes another log each time', async () => {
  const sql = administration().sql();
  const client = await bystander();
  await client.query(sql);
  const first = (await (await open()).events.identity()).logId;
  await administration().drop();
  await client.query(sql);
  const storage = await postgres(url).open();
  closing.push(() => storage.close());
  await record(storage.events, 'a-1', anEvent());
  expect((await storage.events.identity()).logId).not.toBe(first);
});

test('what is sent to make a store is plain ASCII, whatever the encoding of the database or of who sends it', () => {
  expect(administration().sql()).toMatch(/^[\n -~]+$/);
});

test.each([
  ['init', (latin: string) => administrationAt(latin).init()],
  ['opening it', (latin: string) => postgres(latin).open()],
])('%s in a database that cannot keep every text is refused, and says which can', async (_, make) => {
  const latin = new URL(url);
  latin.pathname += '_latin1';
  const name = latin.pathname.slice(1);
  await queryAt(
    url,
    `create database ${name} encoding 'LATIN1' locale 'C' locale_provider 'libc' template template0`,
  );
  try {
    const made = make(latin.href);
    await expect(made).rejects.toMatchObject({ code: 'BACKSTORY_STORE_UNUSABLE', problem: 'unsupported' });
    await expect(made).rejects.toThrow(/encoding 'UTF8'.*LATIN1, not UTF8/);
  } finally {
    await queryAt(url, `drop database ${name} with (force)`);
  }
});

test('processes of an older release go on appending while the schema is moved on, and may start again', async () => {
  const { events } = await open();
  let appending = true;
  let appended = 0;
  const writer = (async () => {
    for (; appending; appended++) await record(events, `a-${appended % 7}`, anEvent());
  })();
  const newer = administration([...MIGRATIONS, SECOND]);
  expect((await newer.plan()).map(({ summary }) => summary)).toEqual(['a note beside each event']);
  expect((await newer.migrate()).map(({ version }) => version)).toEqual([2]);
  const during = appended;
  while (appended < during + 20) await new Promise((wait) => setTimeout(wait, 2));
  appending = false;
  await writer;
  expect(await eventsOf(events)).toHaveLength(appended);
  await openedBy(MIGRATIONS, false);
  await openedBy([...MIGRATIONS, SECOND], false);
});

test('a release that needs more than the schema has says how to move it on, and does not do so in passing', async () => {
  await open();
  const refused = openedBy([...MIGRATIONS, SECOND]);
  await expect(refused).rejects.toMatchObject({ problem: 'older-schema' });
  await expect(refused).rejects.toThrow('run backstory store migrate');
  expect((await administration().status()).version).toBe(1);
});

test('a release that knows less than the schema needs is refused', async () => {
  await open();
  await administration([...MIGRATIONS, SECOND, THIRD]).migrate();
  await expect(openedBy(MIGRATIONS)).rejects.toMatchObject({ problem: 'newer-schema' });
  await openedBy([...MIGRATIONS, SECOND, THIRD]);
  expect((await administration().status()).version).toBe(3);
});

test('a step that fails leaves the steps before it, and nothing of its own', async () => {
  await open();
  const failing = {
    ...THIRD,
    sql: (schema: string) => `alter table ${schema}.events add column other text; select 1 / 0;`,
  };
  const admin = administration([...MIGRATIONS, SECOND, failing]);
  await expect(admin.migrate()).rejects.toThrow('division by zero');
  expect((await admin.status()).version).toBe(2);
  const columns = await (
    await bystander()
  ).query(`select column_name from information_schema.columns
    where table_schema = 'backstory' and table_name = 'events' and column_name in ('note', 'other')`);
  expect(columns.rows).toEqual([{ column_name: 'note' }]);
});

test('several who migrate at once run each step once', async () => {
  await open();
  const steps = [...MIGRATIONS, SECOND, THIRD];
  const done = await Promise.all([1, 2, 3, 4].map(() => administration(steps).migrate()));
  expect(
    done
      .flat()
      .map(({ version }) => version)
      .sort(),
  ).toEqual([2, 3]);
});

test('a step that somebody stands in the way of gives up soon, so that appends do not queue behind it', async () => {
  const { events } = await open();
  await record(events, 'a-1', anEvent());
  const client = await bystander();
  await client.query('begin; select 1 from backstory.events');
  const admin = administration([...MIGRATIONS, SECOND]);
  await expect(admin.migrate()).rejects.toThrow(StoreUnavailable);
  await client.query('rollback');
  expect((await admin.migrate()).map(({ version }) => version)).toEqual([2]);
  await record(events, 'a-1', anEvent());
});

test('what is dropped is the store, not what others have put beside it or upon it', async () => {
  const client = await bystander();
  const admin = administration();
  await admin.init();
  await client.query('create view deposits as select * from backstory.events');
  await expect(admin.drop()).rejects.toThrow('view deposits depends on table backstory.events');
  await client.query('drop view deposits; create table backstory.own (n int)');
  await expect(admin.drop()).rejects.toMatchObject({ problem: 'unsupported' });
  await record((await open()).events, 'a-1', anEvent());
  await client.query(
    `drop table backstory.own; create function backstory.append_v99() returns int language sql as 'select 1'`,
  );
  await expect(admin.drop()).rejects.toThrow('function backstory.append_v99() depends on schema backstory');
  await client.query('drop function backstory.append_v99');
  await admin.drop();
  expect(await admin.status()).toMatchObject({ version: 0, log: undefined });
  expect((await client.query(`select 1 from pg_namespace where nspname = 'backstory'`)).rows).toEqual([]);
});

test('the schema public stays where a store is dropped, with what others have in it', async () => {
  const client = await bystander();
  await client.query('create table own (n int)');
  const rights = `select nspacl::text, (select count(*)::int from pg_tables where schemaname = nspname) as tables
    from pg_namespace where nspname = 'public'`;
  const { rows } = await client.query(rights);
  const admin = administration(MIGRATIONS, 'public');
  await admin.init();
  await admin.drop();
  expect((await client.query(rights)).rows).toEqual(rows);
  expect(await admin.init()).toBe(true);
});

test('tables of the same names that are of something else are left alone', async () => {
  const client = await bystander();
  await client.query(`create schema backstory; create table backstory.events (id int);
    create table backstory.meta (schema_version int, usable_from int); insert into backstory.meta values (1, 1)`);
  const refused = { problem: 'not-a-store' };
  await expect(administration().drop()).rejects.toMatchObject(refused);
  await expect(administration().status()).rejects.toMatchObject(refused);
  expect((await client.query('select * from backstory.meta')).rows).toHaveLength(1);
});

test('whoever was given a schema and may make none can make a store in it, drop it, and make it again', async () => {
  const client = await bystander();
  const role = `owner_${Date.now()}`;
  await client.query(`create role ${role} login; create schema backstory authorization ${role}`);
  closing.push(() => client.query(`drop owned by ${role}; drop role ${role}`));
  const admin = administration(MIGRATIONS, 'backstory', role);
  expect(await admin.init()).toBe(true);
  await admin.drop();
  expect(await admin.init()).toBe(true);
});

test('a drop that somebody stands in the way of gives up soon, and drops nothing', async () => {
  const { events } = await open();
  await record(events, 'a-1', anEvent());
  const client = await bystander();
  await client.query('begin; select 1 from backstory.events');
  const admin = administration();
  await expect(admin.drop()).rejects.toThrow(StoreUnavailable);
  await client.query('rollback');
  await record(events, 'a-1', anEvent());
});

test('several stores stand in one database, under any names', async () => {
  const names = ['one', `it's "$&" {schema}`];
  for (const name of names) expect(await administration(MIGRATIONS, name).init()).toBe(true);
  for (const name of names) await record((await open(name)).events, `a-${name.length}`, anEvent());
  await administration(MIGRATIONS, names[1]).drop();
  expect((await administration(MIGRATIONS, names[0]).status()).log).toMatchObject({ head: 1 });
  expect((await administration(MIGRATIONS, names[1]).status()).version).toBe(0);
});

test('a user who may not make a schema is told so', async () => {
  const client = await bystander();
  const role = `poor_${Date.now()}`;
  await client.query(
    `create role ${role} login; revoke all on database ${new URL(url).pathname.slice(1)} from public`,
  );
  closing.push(() => client.query(`drop owned by ${role}; drop role ${role}`));
  await client.query(`grant connect on database ${new URL(url).pathname.slice(1)} to ${role}`);
  await expect(postgres(urlOf(role)).open()).rejects.toMatchObject({ problem: 'read-only' });
});
