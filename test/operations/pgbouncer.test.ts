import { follow, type OpenStorage } from '@backstory/core';
import { postgres, type PostgresOptions } from '@backstory/postgres';
import { describeEventStore, describeStateStore } from '@backstory/testing';
import { POSTGRES_CAPABILITIES, schemas } from '../conformance/postgres-harness.js';
import { eventually } from '../support/eventually.js';
import { PgBouncer } from '../support/pgbouncer.js';
import { queryAt } from '../support/postgres-cluster.js';
import { startPostgres, type PostgresServer } from '../support/postgres-server.js';
import { anEvent, eventsOf, record } from '../support/sqlite-files.js';

const CONNECTIONS = 4;

let server: PostgresServer;
let direct: string;
let proxy: PgBouncer;
beforeAll(async () => {
  server = await startPostgres();
  direct = await server.createDatabase();
  proxy = await PgBouncer.start(direct, CONNECTIONS);
});
afterAll(async () => {
  await proxy?.remove();
  await server?.stop();
});

const storage = (schema: string) =>
  postgres(proxy.url, { schema, maxConnections: 4, prepare: false, direct });

describeEventStore('the PostgreSQL event store behind PgBouncer', {
  capabilities: POSTGRES_CAPABILITIES,
  ...schemas('events', storage),
});
describeStateStore('the PostgreSQL state store behind PgBouncer', {
  capabilities: { durable: true },
  ...schemas('state', storage),
});

describe('a store behind PgBouncer', () => {
  const closing: (() => Promise<unknown>)[] = [];
  let count = 0;
  let schema: string;
  beforeEach(() => (schema = `proxied ${count++}`));
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function open(options: PostgresOptions = {}, readOnly = false): Promise<OpenStorage> {
    const opened = await postgres(proxy.url, { schema, prepare: false, ...options }).open({ readOnly });
    closing.push(() => opened.close());
    return opened;
  }

  function positionsSeen({ events }: OpenStorage, pollMs: number): number[] {
    const seen: number[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const page of follow(events, { pollMs, signal: stop.signal }))
        seen.push(...page.events.map(({ position }) => position));
    })();
    closing.push(async () => {
      stop.abort();
      await following;
    });
    return seen;
  }

  test('is opened as the guide says', async () => {
    const [proxyUrl, url] = [proxy.url, direct];
    const store = postgres(proxyUrl, { prepare: false, direct: url });
    const storage = await store.open();
    closing.push(() => storage.close());
    await record(storage.events, 'a-1', anEvent());
  });

  test('wakes followers of other processes past the proxy', async () => {
    const [writer, reader] = [await open({ direct }), await open({ direct, pollMs: 60_000 })];
    const seen = positionsSeen(reader, 60_000);
    const listens = `select 1 from pg_stat_activity where query like 'listen%' and datname = current_database()`;
    await eventually(async () => (await queryAt(direct, listens)).length === 1);
    await record(writer.events, 'a-1', anEvent());
    await eventually(() => seen.length === 1);
  });

  test('looks by itself where nothing leads past the proxy, and leaves no connection listening', async () => {
    const [writer, reader] = [await open(), await open({ pollMs: 20 })];
    const seen = positionsSeen(reader, 60_000);
    await record(writer.events, 'a-1', anEvent());
    await eventually(() => seen.length === 1);
    const listens = `select 1 from pg_stat_activity where query like 'listen%' and datname = current_database()`;
    expect(await queryAt(direct, listens)).toEqual([]);
  });

  test('has any number of processes share the connections of the proxy', async () => {
    const stores = [];
    for (let i = 0; i < 12; i++) stores.push(await open({ maxConnections: 8 }));
    const work = stores.flatMap(({ events }, i) =>
      Array.from({ length: 10 }, async (_, n) => {
        await record(events, `a-${i}-${n}`, anEvent());
        expect((await eventsOf(events, { streams: [`a-${i}-${n}`] })).length).toBe(1);
      }),
    );
    await Promise.all(work);
    const clients = `select 1 from pg_stat_activity where datname = current_database() and application_name = 'backstory'`;
    expect((await queryAt(direct, clients)).length).toBeLessThanOrEqual(CONNECTIONS);
    expect((await stores[0]!.events.identity()).head).toBe(120);
  });

  test('goes on when the proxy has crashed, and records what was sent again once', async () => {
    const { events } = await open({ direct });
    await record(events, 'a-1', anEvent());
    await proxy.kill();
    const event = anEvent();
    await expect(record(events, 'a-1', event)).rejects.toMatchObject({ code: 'BACKSTORY_STORE_UNAVAILABLE' });
    await proxy.restart();
    const { position } = await eventually(() => record(events, 'a-1', event).catch(() => undefined));
    expect(position).toBe(2);
    expect(await eventually(() => eventsOf(events).catch(() => undefined))).toHaveLength(2);
  });

  test('writes nothing when it is opened read-only, although the proxy lets no settings pass', async () => {
    await open();
    const { events, state } = await open({}, true);
    const readOnly = { problem: 'read-only' };
    await expect(record(events, 'a-1', anEvent())).rejects.toMatchObject(readOnly);
    await expect(events.adopt()).rejects.toMatchObject(readOnly);
    await expect(state.transaction([], (draft) => draft.put('c', 'k', 'v'))).rejects.toMatchObject(readOnly);
    await expect(state.acquire('a', { owner: 'me', ttlMs: 1_000 })).rejects.toMatchObject(readOnly);
    expect(await eventsOf(events)).toEqual([]);
  });

  test.each([
    ['used', false],
    ['looked at', true],
  ])('that is %s with prepared statements says to leave them out', async (_, readOnly) => {
    await open();
    const using = async () => {
      const stores = [];
      for (let i = 0; i < 2 * CONNECTIONS; i++) stores.push(await open({ prepare: true }, readOnly));
      for (let i = 0; i < 10; i++) await Promise.all(stores.map(({ events }) => eventsOf(events)));
    };
    await expect(using()).rejects.toThrow('set prepare: false');
  });
});
