import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PostgresCluster } from '../../support/postgres-cluster.js';
import { measure } from '../measure.js';
import {
  bothSides,
  expectIdleNoticed,
  expectPromisesMeasured,
  expectTransactions,
  rowCalled,
  rowNames,
} from '../row-checks.js';
import { bareDatabase, checkSameTables } from './bare-database.js';
import { durableServer } from './durable-server.js';
import { Writers } from './writers.js';

const POSTGRES = rowNames().filter((name) => name.startsWith('postgres.'));
const BARE_POSTGRES_TRANSACTIONS = [
  ['postgres.append.concurrent32', 32],
  ['postgres.append.single', 1],
] as const;
const signal = new AbortController().signal;
const { server, stop } = durableServer();
let folder: string;
beforeAll(() => void (folder = mkdtempSync(path.join(tmpdir(), 'backstory-bench-test-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterAll(stop);

const tiny = () => ({ folder, driver: 'libsql', server, scale: 0.02, rounds: 1, signal }) as const;

test.each(POSTGRES)('%s does on both sides what it says', async (name) => {
  const result = await measure(await rowCalled(name), tiny());
  expect(result).toMatchObject({ name, unit: 'events/s', rounds: [expect.anything()] });
  expect(result.ratio).toBeCloseTo(result.ours / result.bare);
  expectPromisesMeasured(result);
  expect(result.ddl).toMatch(/fsync = on.*CREATE TABLE events .*CREATE UNIQUE INDEX.*CREATE TRIGGER/s);
});

test.each(bothSides(POSTGRES))('%s notices when %s does nothing', async (name, who) => {
  await expectIdleNoticed(name, who, tiny());
});

test.each(BARE_POSTGRES_TRANSACTIONS)('the bare side of %s commits every %i rows', async (name, rowsEach) => {
  await expectTransactions(name, rowsEach, tiny());
});

test('writers that append at the same time share transactions, and how long they waited is told', async () => {
  const { also } = await measure(await rowCalled('postgres.append.concurrent32'), tiny());
  expect(also['appends a batch']).toBeGreaterThan(8);
  expect(also['appends a batch']).toBeLessThanOrEqual(32);
  expect(also['p99 of an append, ms']).toBeGreaterThan(0);
});

test.each([
  ['an index', 'drop index events_type'],
  ['a trigger', 'drop trigger events_never_change on events'],
  ['a column', 'alter table events drop column causation_id'],
  ['waiting for the disk', 'set synchronous_commit = off'],
])('a bare side that lacks %s is refused before it is measured', async (_, change) => {
  const [ours, bare] = [await bareDatabase(await server()), await bareDatabase(await server())];
  await expect(checkSameTables(ours.client, bare.client)).resolves.toBeUndefined();
  await bare.client.query(change);
  await expect(checkSameTables(ours.client, bare.client)).rejects.toThrow(
    'The bare side does not have the same tables',
  );
  await Promise.all([ours.client.end(), bare.client.end()]);
});

test('a server that may lose what it has committed is refused', async () => {
  const lax = await (await PostgresCluster.create()).start();
  await expect(bareDatabase(lax)).rejects.toThrow(/has fsync = off, full_page_writes = off: .* may be lost/);
  await lax.remove();
});

test('a process of writers that ends before it is told to stops the row, with what it complained of', async () => {
  await expect(Writers.start('postgres://127.0.0.1:1/none')).rejects.toThrow(
    /A process of writers has ended: .*ECONNREFUSED/s,
  );
});
