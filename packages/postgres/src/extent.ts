import type { Run } from './session.js';

/** What everything in the schema takes, indexes and large values as well. @param schema quoted */
export async function bytesOf(run: Run, schema: string): Promise<number> {
  const namespace = `'${schema.replaceAll("'", "''")}'::regnamespace`;
  const text = `select sum(pg_total_relation_size(oid)) from pg_class where relnamespace = ${namespace} and relkind = 'r'`;
  const [[bytes]] = (await run<readonly [string]>({ text })) as [readonly [string]];
  return Number(bytes);
}

/** How many streams begin in a part of the log. @param schema quoted */
export async function streamsBeginning(
  run: Run,
  schema: string,
  { after, upTo }: { readonly after: number; readonly upTo: number },
): Promise<number> {
  const text = `select count(*) from ${schema}.events where position > $1 and position <= $2 and version = 1`;
  const [[count]] = (await run<readonly [string]>({ text, values: [after, upTo] })) as [readonly [string]];
  return Number(count);
}
