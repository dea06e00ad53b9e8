import { sqlite } from '@backstory/sqlite';
import { bareDatabase } from '../bench/sqlite/bare-database.js';

/** Events in each of the two streams that are looked at. */
export const LENGTH = 1_000;

/**
 * Makes a log of so many events of others, with two streams of accounts in it: `account-together`, whose events were
 * recorded in a row in the middle of the log, and `account-scattered`, whose events lie evenly all over it.
 * SQLite makes the events up, with indexes and triggers out of the way meanwhile: a million takes some seconds.
 */
export async function makeLargeLog(file: string, others: number): Promise<void> {
  await (await sqlite(file, { driver: 'libsql' }).open()).close();
  const database = bareDatabase('libsql', file);
  const aside = database.prepare(ASIDE).all([]) as [kind: string, name: string, sql: string][];
  database.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; BEGIN');
  for (const [kind, name] of aside) database.exec(`DROP ${kind} ${name}`);
  const [first, second] = [Math.ceil(others / 2), Math.floor(others / 2)];
  for (const sql of [half(0, first), TOGETHER, half(LENGTH / 2, second)]) database.exec(sql);
  for (const [, , sql] of aside) database.exec(sql);
  database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
}

const ASIDE = `SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = 'events' AND type <> 'table' AND sql IS NOT NULL`;

/** Half of the others' events, and half of the scattered ones, evenly between them. `from`: scattered ones so far. */
function half(from: number, others: number): string {
  const every = Math.floor(others / (LENGTH / 2)) + 1;
  const count = others + LENGTH / 2;
  return insert(count, {
    stream: `iif(n % ${every} = 0, 'account-scattered', 'other-' || ((position + n) / 10))`,
    version: `iif(n % ${every} = 0, ${from} + n / ${every} + 1, n - n / ${every})`,
  });
}

const TOGETHER = insert(LENGTH, { stream: `'account-together'`, version: 'n + 1' });

function insert(
  count: number,
  { stream, version }: { readonly stream: string; readonly version: string },
): string {
  return `
    WITH RECURSIVE counted(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < ${count - 1}),
      head(position) AS (SELECT ifnull(max(position), 0) FROM events),
      placed AS (SELECT position + n + 1 AS place, ${stream} AS stream, ${version} AS version FROM counted, head)
    INSERT INTO events
    SELECT place, stream, substr(stream, 1, instr(stream, '-') - 1), version, printf('id-%012d', place),
      'account.deposited', 1, json_object('amount', 1, 'reference', printf('invoice %d', place)),
      json_object('correlationId', printf('id-%012d', place), 'source', 'test', 'occurredAt', '2026-11-20T12:00:00.000Z'),
      1700000000000 + place, printf('id-%012d', place), NULL, 0
    FROM placed`;
}
