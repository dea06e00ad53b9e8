import { newId } from '@backstory/core';
import { schemaSql } from '../../packages/postgres/src/schema.js';
import {
  lockAfterReadOfHead,
  lockInReadOfHead,
  positionsFromCounterRow,
  positionsFromSequence,
  timeOfTransaction,
  withoutLock,
  withoutUniqueness,
} from '../support/append-mutations.js';
import { startPostgres, type PostgresServer } from '../support/postgres-server.js';
import { queryAt } from '../support/postgres-cluster.js';
import { underLoad } from './postgres-load.js';
import { seeds } from './seeds.js';

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()));
afterAll(() => server?.stop());

/** A database whose store appends by changed SQL. */
async function mutant(change: (sql: string) => string): Promise<string> {
  const url = await server.createDatabase();
  const made = `create schema backstory; set search_path = backstory; ${change(schemaSql('backstory'))};
    insert into meta (schema_version, usable_from, log_id) values (1, 1, '${newId()}');`;
  await queryAt(url, made);
  return url;
}

const DUPLICATES = /^(position \d+ stands in place|\S+ has version \d+ where)/;

test.each([
  ['no lock', withoutLock, /23505 duplicate key/],
  ['no lock, and nothing unique', (sql: string) => withoutUniqueness(withoutLock(sql)), DUPLICATES],
  ['the lock in a CTE', (sql: string) => withoutUniqueness(lockInReadOfHead(sql)), DUPLICATES],
  ['the lock after the read', (sql: string) => withoutUniqueness(lockAfterReadOfHead(sql)), DUPLICATES],
  ['a counter row', (sql: string) => withoutUniqueness(positionsFromCounterRow(sql)), DUPLICATES],
  ['a sequence', positionsFromSequence, /^position \d+ stands in place/],
  ['the time of the transaction', timeOfTransaction, /was recorded \d+ ms before anybody asked/],
])('the checker finds %s', async (_, change, finding) => {
  const { violations } = await underLoad({
    url: await mutant(change),
    seed: seeds()[0]!,
    ms: 20_000,
    processes: 3,
    restarts: 0,
    disturbed: false,
    dawdles: 0.1,
    untilWrong: true,
  });
  expect(violations).toContainEqual(expect.stringMatching(finding));
});

test('the checker finds nothing where nothing was changed', async () => {
  const load = { seed: seeds()[0]!, ms: 2_000, processes: 3, restarts: 0, disturbed: false, dawdles: 0.1 };
  const { violations } = await underLoad({
    url: await mutant((sql) => sql),
    ...load,
    untilWrong: true,
  });
  expect(violations).toEqual([]);
});
