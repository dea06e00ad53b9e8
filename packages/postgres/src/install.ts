import { StoreUnusable, newId } from '@backstory/core';
import type { Database } from './database.js';
import { SCHEMA_VERSION, schemaSql } from './schema.js';
import type { Run } from './session.js';
import { inTransaction } from './transaction.js';

/**
 * Makes the schema where it is missing; one process does, the others wait for it.
 *
 * @throws StoreUnusable where the schema is missing and may not be made, is of a newer release or is something else
 */
export async function install(database: Database, { create }: { readonly create: boolean }): Promise<void> {
  await database.session(async (run) => {
    if (await isThere(run, database)) return;
    if (!create) {
      const message = `there is no schema ${database.schema} in the database. Open it for writing once, which makes it.`;
      throw new StoreUnusable(database.store, 'missing', message);
    }
    await inTransaction(run, { begin: 'begin' }, async () => {
      await run({ text: `select pg_advisory_xact_lock(x'42535459'::bigint << 32 | 1)` });
      if (await isThere(run, database)) return;
      await run({ text: `create schema if not exists ${database.schema}` });
      await run({ text: schemaSql(database.schema) });
      const text = `insert into ${database.schema}.meta (schema_version, log_id) values ($1, $2)`;
      await run({ text, values: [SCHEMA_VERSION, newId()] });
    });
  });
}

async function isThere(run: Run, { schema, store }: Database): Promise<boolean> {
  // Not to_regclass, which may answer from what this connection remembers of before the lock.
  const tables = await run<[string]>({
    text: `select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where '"' || replace(nspname, '"', '""') || '"' = $1 and relname in ('meta', 'events')`,
    values: [schema],
  });
  const names = tables.map(([name]) => name);
  if (names.length === 0) return false;
  const versions = !names.includes('meta')
    ? []
    : await run<[string]>({ text: `select schema_version from ${schema}.meta` });
  const [version] = versions[0] ?? [];
  if (!names.includes('events') || version === undefined) {
    const message = `the schema ${schema} holds tables of something else. Nothing was changed in it; choose another schema.`;
    throw new StoreUnusable(store, 'not-a-store', message);
  }
  if (Number(version) > SCHEMA_VERSION) {
    const message = `a newer release made the schema (version ${version}, this release knows ${SCHEMA_VERSION}): update.`;
    throw new StoreUnusable(store, 'newer-schema', message);
  }
  return true;
}
