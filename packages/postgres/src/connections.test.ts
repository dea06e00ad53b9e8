import { StoreUnavailable, follow, type OpenStorage } from '@backstory/core';
import { Client, defaults } from 'pg';
import { inspect } from 'node:util';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { anEvent, eventsOf, record } from '../../../test/support/sqlite-files.js';
import { openLine, type Line } from '../../../test/support/stalling-line.js';
import { appendLockKey } from './lock-key.js';
import { postgres, type PostgresOptions } from './postgres.js';

let server: PostgresServer;
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => void (server = await startPostgres()));
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => server?.stop());

/** A dead line is found out soon, and a server that is busy is not taken for one. */
const SOON: PostgresOptions = { responseTimeoutMs: 1_500, connectTimeoutMs: 1_500 };

async function open(url: string, options: PostgresOptions = {}): Promise<OpenStorage> {
  const storage = await postgres(url, options).open();
  closing.push(() => storage.close());
  return storage;
}

test('what is made of a store shows its password to nobody', async () => {
  const url = new URL(await server.createDatabase());
  url.password = 'secret-of-the-store';
  const storage = await open(url.href);
  expect(inspect(storage, { depth: 9 })).not.toContain('secret-of-the-store');
  expect(inspect(storage, { depth: 9 })).toContain('Database { postgres:');
});

/** A connection of nobody's, to look and to disturb. */
async function bystander(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  closing.push(() => client.end());
  return client;
}

const TERMINATE = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name = 'backstory'`;
const LOCK = `select pg_advisory_lock(${appendLockKey("'backstory.events'")})`;
const UNLOCK = LOCK.replace('advisory_lock', 'advisory_unlock');

test('a store goes on when all of its idle connections were ended', async () => {
  const url = await server.createDatabase();
  const { events, state } = await open(url);
  const other = await bystander(url);
  await record(events, 'a-1', anEvent());
  await state.transaction([], (draft) => draft.put('c', 'k', 'v'));
  await other.query(TERMINATE);
  await eventually(async () => expect((await record(events, 'a-1', anEvent())).position).toBe(2));
  await eventually(async () => expect(await eventsOf(events)).toHaveLength(2));
  expect(await state.read((view) => view.get('c', 'k'))).toBe('v');
});

test('an append whose connection ends under way is unknown, and recorded once when it is sent again', async () => {
  const url = await server.createDatabase();
  const { events } = await open(url);
  const other = await bystander(url);
  await record(events, 'a-1', anEvent());
  await other.query(LOCK);
  const event = anEvent();
  const waiting = record(events, 'a-1', event);
  await waitingForLock(other);
  await other.query(TERMINATE);
  await expect(waiting).rejects.toThrow(StoreUnavailable);
  await other.query(UNLOCK);
  expect(await record(events, 'a-1', event)).toMatchObject({ position: 2, repeated: false });
  expect(await record(events, 'a-1', event)).toMatchObject({ position: 2, repeated: true });
  expect(await eventsOf(events)).toHaveLength(2);
});

test('appends that were given up leave nobody waiting at the server', async () => {
  const url = await server.createDatabase();
  const { events } = await open(url, SOON);
  const other = await bystander(url);
  await other.query(LOCK);
  await expect(record(events, 'a-1', anEvent())).rejects.toThrow(StoreUnavailable);
  await eventually(async () => {
    const { rows } = await other.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    expect(rows).toEqual([]);
  });
});

test('what the driver has for a default format is nothing to the store', async () => {
  const url = await server.createDatabase();
  const { binary } = defaults;
  defaults.binary = true;
  try {
    const { events, state } = await open(url);
    expect(await record(events, 'a-1', anEvent())).toMatchObject({ position: 1 });
    expect(await eventsOf(events)).toMatchObject([{ version: 1, position: 1 }]);
    expect(await state.acquire('a lease', { owner: 'me', ttlMs: 10_000 })).toMatchObject({ name: 'a lease' });
  } finally {
    defaults.binary = binary;
  }
});

test('a server without TLS, which is asked for, is no defect and no outage', async () => {
  const url = `${await server.createDatabase()}?sslmode=require`;
  const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  try {
    await expect(postgres(url).open()).rejects.toMatchObject({
      code: 'BACKSTORY_STORE_UNUSABLE',
      message: expect.stringContaining('the server offers no TLS'),
    });
  } finally {
    warnings.mockRestore();
  }
});

test('an append over a line that has gone dead without a word is given up after a time, and may be sent again', async () => {
  const url = await server.createDatabase();
  const line = await lineTo(url);
  const { events } = await open(line.url, SOON);
  await record(events, 'a-1', anEvent());
  line.stall();
  const event = anEvent();
  await expect(record(events, 'a-1', event)).rejects.toThrow('the server did not answer in time');
  line.restore();
  await eventually(async () => expect((await record(events, 'a-1', event)).position).toBe(2));
  await eventually(async () => expect(await eventsOf(events)).toHaveLength(2));
});

test('a store whose line has gone dead still closes', async () => {
  const line = await lineTo(await server.createDatabase());
  const storage = await open(line.url, SOON);
  storage.events.onAppend(() => undefined);
  await Promise.all([
    record(storage.events, 'a-1', anEvent()),
    eventsOf(storage.events),
    eventsOf(storage.events),
  ]);
  line.stall();
  await storage.close();
});

test('a connection that is lost while the next one cannot be made rejects what waits for it and nothing else', async () => {
  const line = await lineTo(await server.createDatabase());
  const { events } = await open(line.url, SOON);
  await record(events, 'a-1', anEvent());
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', hear);
  line.stall();
  for (let i = 0; i < 3; i++)
    await expect(record(events, 'a-1', anEvent())).rejects.toThrow(StoreUnavailable);
  await new Promise((turn) => setTimeout(turn, 20));
  process.off('unhandledRejection', hear);
  expect(unheard).toEqual([]);
});

test('a follower whose line has gone dead while it listened is woken over a new one', async () => {
  const url = await server.createDatabase();
  const line = await lineTo(url);
  const writer = await open(url);
  const reader = await open(`${line.url}?application_name=reader`, {
    pollMs: 50,
    ...SOON,
  });
  const other = await bystander(url);
  reader.events.onAppend(() => undefined);
  await listening(other, 1);
  const [dead] = (await other.query(LISTENERS)).rows;
  const others = `${LISTENERS} and application_name = 'reader' and pid <> $1`;
  line.stall();
  line.restore();
  await eventually(async () => {
    await record(writer.events, 'a-1', anEvent());
    expect((await other.query(others, [dead.pid])).rowCount).toBe(1);
  });
});

test('a process whose line has gone dead while it notified tells others over a new one', async () => {
  const url = await server.createDatabase();
  const line = await lineTo(url);
  const [writer, reader] = [await open(line.url, SOON), await open(url, { pollMs: 60_000 })];
  let woken = 0;
  reader.events.onAppend(() => woken++);
  await listening(await bystander(url), 1);
  await record(writer.events, 'a-1', anEvent());
  await eventually(() => expect(woken).toBe(1));
  line.stall();
  line.restore();
  await eventually(async () => {
    await record(writer.events, 'a-1', anEvent()).catch(() => undefined);
    expect(woken).toBeGreaterThan(1);
  });
});

test('a connection that is lost between two statements of a state transaction is told to its work alone', async () => {
  const url = await server.createDatabase();
  const { state } = await open(url);
  const other = await bystander(url);
  const transaction = state.transaction([], async (draft) => {
    await draft.put('c', 'k', 'v');
    await other.query(TERMINATE);
    await new Promise((wait) => setTimeout(wait, 100));
    await draft.put('c', 'k', 'w');
  });
  await expect(transaction).rejects.toThrow(StoreUnavailable);
  await eventually(async () => expect(await state.read((view) => view.get('c', 'k'))).toBeUndefined());
});

test('an append that the server was told to cancel may be sent again', async () => {
  const url = await server.createDatabase();
  const { events } = await open(url);
  const other = await bystander(url);
  await record(events, 'a-1', anEvent());
  await other.query(LOCK);
  const event = anEvent();
  const waiting = record(events, 'a-1', event);
  await waitingForLock(other);
  await other.query(TERMINATE.replace('terminate', 'cancel'));
  await expect(waiting).rejects.toThrow(StoreUnavailable);
  await other.query(UNLOCK);
  expect(await record(events, 'a-1', event)).toMatchObject({ position: 2, repeated: false });
});

test('a follower in another process is woken by a notification, and again when its connection was ended', async () => {
  const url = await server.createDatabase();
  const [writer, reader] = [await open(url), await open(url, { pollMs: 60_000 })];
  const other = await bystander(url);
  const seen: number[] = [];
  const stop = new AbortController();
  const following = (async () => {
    for await (const { events } of follow(reader.events, { pollMs: 60_000, signal: stop.signal }))
      seen.push(...events.map(({ position }) => position));
  })();
  await listening(other, 1);
  await record(writer.events, 'a-1', anEvent());
  await eventually(() => expect(seen).toEqual([1]));
  await other.query(`${TERMINATE} and query like 'listen%'`);
  await listening(other, 1);
  await record(writer.events, 'a-1', anEvent());
  await eventually(() => expect(seen).toEqual([1, 2]));
  stop.abort();
  await following;
});

test('the pages of one reading are of one log, though another one takes its place meanwhile', async () => {
  const url = await server.createDatabase();
  const { events } = await open(url);
  await record(events, 'a-1', ...Array.from({ length: 20 }, () => anEvent()));
  const positions: number[] = [];
  const reading = (async () => {
    for await (const page of events.readAll({ pageSize: 4 })) {
      positions.push(...page.events.map(({ position }) => position));
      if (positions.length === 8) await (await bystander(url)).query(ANOTHER_LOG);
    }
  })();
  await expect(reading).rejects.toThrow('is another event than it was when the page before was read');
  // The page that was on its way when the log changed is of the log before.
  expect(positions).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

const ANOTHER_LOG = `begin; alter table backstory.events disable trigger events_never_change;
  update backstory.events set id = 'other-' || position; commit`;

test('a password never shows in the name of a store', () => {
  expect(postgres('postgres://bank:secret@db.example:5433/ledger').description).toBe(
    'postgres:db.example:5433/ledger',
  );
});

test.each([
  [
    'a database that does not exist',
    (url: string) => url.replace(/\/[^/]+$/, '/nowhere'),
    'BACKSTORY_STORE_UNUSABLE',
  ],
  ['a server that is not there', () => 'postgres://127.0.0.1:1/bank', 'BACKSTORY_STORE_UNAVAILABLE'],
])('%s is told as such', async (_, change, code) => {
  const url = change(await server.createDatabase());
  await expect(postgres(url).open()).rejects.toMatchObject({ code });
});

test('a store that is opened read-only makes nothing and writes nothing', async () => {
  const url = await server.createDatabase();
  await expect(postgres(url).open({ readOnly: true })).rejects.toMatchObject({ problem: 'missing' });
  await record((await open(url)).events, 'a-1', anEvent());
  const storage = await postgres(url).open({ readOnly: true });
  closing.push(() => storage.close());
  await expect(record(storage.events, 'a-1', anEvent())).rejects.toMatchObject({ problem: 'read-only' });
  await expect(storage.state.transaction([], (draft) => draft.put('c', 'k', 'v'))).rejects.toMatchObject({
    problem: 'read-only',
  });
  expect(await eventsOf(storage.events)).toHaveLength(1);
});

test('many that open an empty database at once make one log', async () => {
  const url = await server.createDatabase();
  const stores = await Promise.all(Array.from({ length: 6 }, () => open(url)));
  const ids = await Promise.all(stores.map(async ({ events }) => (await events.identity()).logId));
  expect(new Set(ids).size).toBe(1);
});

test('a schema of something else is left alone', async () => {
  const url = await server.createDatabase();
  const other = await bystander(url);
  await other.query('create schema backstory; create table backstory.events (name text)');
  await expect(postgres(url).open()).rejects.toMatchObject({ problem: 'not-a-store' });
  expect((await other.query(`select to_regclass('backstory.meta') as meta`)).rows).toEqual([{ meta: null }]);
});

test('the URL may name the schema', async () => {
  const url = await server.createDatabase();
  const { events } = await open(`${url}?schema=led%20ger&application_name=backstory`);
  await record(events, 'a-1', anEvent());
  expect((await (await open(url, { schema: 'led ger' })).events.identity()).head).toBe(1);
  expect(() => postgres(`${url}?schema=a%zz`)).toThrow('no encoding of a name');
});

test('processes are woken also where names of schemas are long, and alike', async () => {
  const url = await server.createDatabase();
  const seen: number[][] = [[], []];
  for (const [i, end] of ['a', 'b'].entries()) {
    const schema = 'é'.repeat(30) + end;
    const [writer, reader] = [await open(url, { schema }), await open(url, { schema, pollMs: 60_000 })];
    const unsubscribe = reader.events.onAppend(() => void seen[i]!.push(i));
    closing.push(async () => unsubscribe());
    await listening(await bystander(url), i + 1);
    for (let n = 0; n < 3 - 2 * i; n++) await record(writer.events, 'a-1', anEvent());
    await eventually(() => expect(seen[i]).not.toEqual([]));
  }
});

test.each([[''], ['pg_own'], ['a\0b'], ['x'.repeat(64)]])('%j is no name for a schema', (schema) => {
  expect(() => postgres('postgres://localhost/bank', { schema })).toThrow('schema: must be a name');
});

test('a schema may have any other name', async () => {
  const url = await server.createDatabase();
  const { events } = await open(url, { schema: `it's "$&" \\ {schema}` });
  await record(events, 'a-1', anEvent());
  expect(await eventsOf(events, { types: ['happened'] })).toHaveLength(1);
});

async function lineTo(url: string): Promise<Line> {
  const line = await openLine(url);
  closing.unshift(() => line.close());
  return line;
}

async function waitingForLock(other: Client): Promise<void> {
  await eventually(async () => {
    const waits = `select 1 from pg_locks where locktype = 'advisory' and not granted and database = (
      select oid from pg_database where datname = current_database())`;
    expect((await other.query(waits)).rowCount).toBe(1);
  });
}

const LISTENERS = `select pid from pg_stat_activity where datname = current_database() and query like 'listen%'`;

async function listening(other: Client, count: number): Promise<void> {
  await eventually(async () => {
    expect((await other.query(LISTENERS)).rowCount).toBe(count);
  });
}

async function eventually(check: () => void | Promise<void>): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; await new Promise((wait) => setTimeout(wait, 20))) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
