import type { LogIdentity } from '@backstory/core';
import { appendLockKey } from './lock-key.js';
import { tableName } from './schema-name.js';
import type { Run } from './session.js';

type IdentityRow = readonly [
  logId: string,
  epoch: string,
  epochStart: string,
  head: string | null,
  headId: string | null,
];

/** @param schema quoted */
export async function readIdentity(run: Run, schema: string): Promise<LogIdentity> {
  const text = `select log_id, epoch, epoch_start, position, id from ${schema}.meta
    left join (select position, id from ${schema}.events order by position desc limit 1) e on true`;
  const [[logId, epoch, epochStart, head, headId]] = (await run<IdentityRow>({ text })) as [IdentityRow];
  const identity = { logId, epoch: Number(epoch), epochStart: Number(epochStart), head: Number(head ?? 0) };
  return headId === null ? identity : { ...identity, headId };
}

/** Under the lock that appends take, so that the epoch begins at what is the head. */
export async function adoptLog(run: Run, schema: string): Promise<LogIdentity> {
  await run({ text: lockSql(schema) });
  const head = `coalesce((select max(position) from ${schema}.events), 0)`;
  await run({ text: `update ${schema}.meta set epoch = epoch + 1, epoch_start = ${head}` });
  return readIdentity(run, schema);
}

/** Keeps appends out until the transaction ends; the same lock as in `append_v1`. */
export function lockSql(schema: string): string {
  return `select pg_advisory_xact_lock(${appendLockKey(tableName(schema, 'events'))})`;
}
