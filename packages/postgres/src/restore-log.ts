import type { LogIdentity, LogPage } from '@backstory/core';
import { LogNotEmpty, RestoreCheck, type CheckedRestore } from '@backstory/core/store';
import { bigintArray, intArray, jsonArray, textArray } from './binary-arrays.js';
import { lockSql, readIdentity } from './log-identity.js';
import type { Run, Statement } from './session.js';

/** Fills an empty log, page by page, in the transaction that is open: all of it or nothing. */
export async function restoreLog(
  run: Run,
  pages: AsyncIterable<LogPage> | Iterable<LogPage>,
  { schema, maxEventBytes }: { readonly schema: string; readonly maxEventBytes: number },
): Promise<LogIdentity> {
  await run({ text: lockSql(schema) });
  const { head } = await readIdentity(run, schema);
  if (head > 0) throw new LogNotEmpty(head);
  const check = new RestoreCheck(maxEventBytes);
  for await (const page of pages) {
    const events = check.page(page);
    check.refuseKnown(events, await knownIds(run, schema, events));
    await run(insertion(schema, events));
  }
  return readIdentity(run, schema);
}

/** Asked of the index: to remember them would take as much memory as there are events. */
async function knownIds(
  run: Run,
  schema: string,
  page: readonly CheckedRestore[],
): Promise<ReadonlySet<string>> {
  const ids = textArray(page.map(({ event }) => event.id));
  const rows = await run({
    text: `select id from ${schema}.events where id = any($1::text[])`,
    values: [ids],
  });
  return new Set(rows.map(([id]) => id as string));
}

function insertion(schema: string, rows: readonly CheckedRestore[]): Statement {
  const events = rows.map(({ event }) => event);
  return {
    text: `insert into ${schema}.events (position, stream, version, id, type, schema_version, append_index, correlation_id,
        causation_id, recorded_at, size, data, metadata)
      select position, stream, version, id, type, schema_version, append_index, correlation_id, causation_id,
        to_timestamp(0) + recorded_ms * interval '1 millisecond', octet_length(data::text) + octet_length(metadata::text), data, metadata
      from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::int[], $7::int[], $8::text[], $9::text[],
        $10::bigint[], $11::json[], $12::json[]) as n(position, stream, version, id, type, schema_version, append_index,
        correlation_id, causation_id, recorded_ms, data, metadata)`,
    values: [
      bigintArray(events.map((event) => event.position)),
      textArray(events.map((event) => event.stream)),
      bigintArray(events.map((event) => event.version)),
      textArray(events.map((event) => event.id)),
      textArray(events.map((event) => event.type)),
      intArray(events.map((event) => event.schemaVersion)),
      intArray(events.map((event) => event.appendIndex)),
      textArray(rows.map((row) => row.correlationId)),
      textArray(rows.map((row) => row.causationId)),
      bigintArray(events.map((event) => event.recordedAt.getTime())),
      jsonArray(events.map((event) => event.data)),
      jsonArray(events.map((event) => event.metadata)),
    ],
  };
}
