import type { OpenStorage } from '@backstory/core';
import { MemoryEventStore, checkAppend } from '@backstory/core/store';
import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { anEvent, record } from '../../../test/support/sqlite-files.js';
import { appendStatement } from './append-batch.js';
import { postgres } from './postgres.js';
import { sessionOn } from './session.js';

let server: PostgresServer;
let storage: OpenStorage;
let writer: Client;
beforeAll(async () => void (server = await startPostgres()));
beforeEach(async () => {
  const url = await server.createDatabase();
  storage = await postgres(url).open();
  writer = new Client({ connectionString: url });
  await writer.connect();
});
afterEach(async () => {
  await writer.end();
  await storage.close();
});
afterAll(() => server?.stop());

/** Begins while another writer has appended and not committed, and goes on when it is seen to wait, or has ended. */
async function behindAnAppend<T>(work: () => Promise<T>): Promise<T> {
  await writer.query('begin');
  const append = checkAppend([{ stream: 'a-1', expected: 'any', events: [anEvent()] }]);
  await sessionOn(writer, { prepare: false })(appendStatement('backstory', [append]));
  let ended = false;
  const result = work().finally(() => (ended = true));
  result.catch(() => undefined); // told to who called
  const waiting = `select 1 from pg_locks join pg_stat_activity using (pid) where not granted and datname = current_database()`;
  while (!ended && (await writer.query(waiting)).rows.length === 0);
  await writer.query('commit');
  return result;
}

test('an epoch begins after an append that was under way', async () => {
  expect(await behindAnAppend(() => storage.events.adopt())).toMatchObject({ epoch: 2, epochStart: 1 });
});

test('a log is not restored into one that an append under way has begun', async () => {
  const other = new MemoryEventStore();
  await record(other, 'b-1', anEvent());
  const restored = behindAnAppend(() => storage.events.restore(other.readAll()));
  await expect(restored).rejects.toMatchObject({ code: 'BACKSTORY_LOG_NOT_EMPTY' });
});
