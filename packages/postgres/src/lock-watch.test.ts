import type { OpenStorage } from '@backstory/core';
import { silent, type AppendBatch, type AppendsBlocked } from '@backstory/core/observe';
import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { anEvent, record } from '../../../test/support/sqlite-files.js';
import { appendLockKey } from './lock-key.js';
import { postgres, type PostgresOptions } from './postgres.js';

const LOCK = `select pg_advisory_lock(${appendLockKey("'backstory.events'")})`;

let server: PostgresServer;
let url: string;
let storage: OpenStorage;
let other: Client;
const blocked: AppendsBlocked[] = [];
const batches: AppendBatch[] = [];
beforeAll(async () => void (server = await startPostgres()));
afterAll(() => server?.stop());
beforeEach(async () => void (url = await server.createDatabase()));
afterEach(async () => {
  await other?.end();
  await storage.close();
  blocked.length = batches.length = 0;
});

async function open(options: PostgresOptions): Promise<void> {
  const observer = {
    ...silent,
    blocked: (facts: () => AppendsBlocked) => void blocked.push(facts()),
    appendBatch: (facts: () => AppendBatch) => void batches.push(facts()),
  };
  storage = await postgres(url, options).open({ observer });
  other = new Client({ connectionString: url, application_name: 'somebody' });
  await other.connect();
}

async function toldOf(count: number): Promise<void> {
  for (const deadline = Date.now() + 20_000; blocked.length < count && Date.now() < deadline;)
    await new Promise((wait) => setTimeout(wait, 5));
}

test('while an append waits long for a lock the observer is told for whom, again and again', async () => {
  await open({ lockWarningMs: 20 });
  await other.query(`begin; ${LOCK}`);
  const waiting = record(storage.events, 'a-1', anEvent());
  await toldOf(2);
  const [{ rows }] = [await other.query<{ pid: number }>('select pg_backend_pid() as pid')];
  await other.query('select pg_advisory_unlock_all(); rollback');
  await waiting;
  expect(blocked.length).toBeGreaterThanOrEqual(2);
  const { holder, store, waitedMs } = blocked[0]!;
  expect(holder).toContain(`process ${rows[0]!.pid} (somebody, user postgres, `);
  expect(holder).toMatch(/idle in transaction for \d+ s\)$/);
  expect(store).toMatch(/^postgres:/);
  expect(waitedMs).toBeGreaterThanOrEqual(19);
  expect(batches[0]!.lockWaitMs).toBeGreaterThanOrEqual(20);
});

test('an append that is given up says who held the lock', async () => {
  await open({ lockWarningMs: 20, responseTimeoutMs: 1_500 });
  await other.query(LOCK);
  const waiting = record(storage.events, 'a-1', anEvent());
  // Client and server give it up at the same time: either may be first.
  await expect(waiting).rejects.toThrow(
    /(did not answer in time|due to lock timeout), while process \d+ \(somebody, .* held the lock/,
  );
});

test('an append that takes long for another reason names nobody', async () => {
  await open({ lockWarningMs: 20 });
  await record(storage.events, 'a-1', anEvent());
  await other.query('begin; lock table backstory.events in exclusive mode');
  const waiting = record(storage.events, 'a-1', anEvent());
  await new Promise((wait) => setTimeout(wait, 200));
  await other.query('rollback');
  await waiting;
  expect(blocked).toEqual([]);
  expect(batches.map(({ lockWaitMs }) => lockWaitMs < 100)).toEqual([true, true]);
});
