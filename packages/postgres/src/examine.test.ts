import type { OpenStorage } from '@backstory/core';
import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { postgres } from './postgres.js';

let server: PostgresServer;
let storage: OpenStorage;
let client: Client;
beforeAll(async () => {
  server = await startPostgres();
  const url = await server.createDatabase();
  storage = await postgres(url, { schema: 'its_own' }).open();
  client = new Client({ connectionString: url });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await storage?.close();
  await server?.stop();
});

test('a database in which nobody did anything says nothing', async () => {
  expect(await storage.events.examine!()).toEqual([]);
});

test('indexes that somebody added, or that are not used, say nothing', async () => {
  await client.query('create index of_somebody on its_own.events (type) where position > 7');
  await client.query('create index unfinished on its_own.events (type)');
  await client.query(
    `update pg_index set indisvalid = false where indexrelid = 'its_own.unfinished'::regclass`,
  );
  expect(await storage.events.examine!()).toEqual([]);
  await client.query('drop index its_own.of_somebody; drop index its_own.unfinished');
});

test.each([
  [
    'rows below the beginning',
    `insert into events (position, stream, version, id, type, schema_version, append_index, correlation_id, recorded_at, size, data, metadata)
      values (-7, 'a-1', 1, 'x', 't', 1, 0, 'x', now(), 4, '{}', '{}')`,
    /^rows below position 1, where the log begins: 1$/,
    'alter table events disable trigger all; delete from events; alter table events enable trigger all',
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
    'drop table part; analyze events',
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
])('%s is said, and nothing once it is gone', async (_, sql, message, undo) => {
  await client.query(`set search_path = its_own; ${sql}`);
  expect((await storage.events.examine!()).join()).toMatch(message);
  await client.query(undo);
  expect(await storage.events.examine!()).toEqual([]);
});
