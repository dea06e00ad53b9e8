import { StoreUnusable } from '@backstory/core';
import type { Migration } from '@backstory/core/administration';
import { escapeLiteral } from 'pg';
import { SCHEMA_LOCK_KEY } from './lock-key.js';
import { schemaSql } from './schema.js';
import { OF_SCHEMA } from './schema-name.js';
import type { Run } from './session.js';
import { inTransaction } from './transaction.js';

/** A migration before it is known for which schema. */
export interface SchemaMigration extends Omit<Migration, 'sql'> {
  /** Statements, each with its semicolon. @param schema quoted */
  readonly sql: (schema: string) => string;
}

/**
 * Every step so far. A step is never changed once it was released. The functions that the release before calls stay until a later
 * step, so that its processes go on appending while a newer release is rolled out; `usableFrom` says when they no longer do.
 */
export const MIGRATIONS: readonly SchemaMigration[] = [
  { version: 1, usableFrom: 1, summary: 'the log, the state beside it, and leases', sql: schemaSql },
];

/** What a schema is at. */
export interface Installed {
  readonly version: number;
  readonly usableFrom: number;
}

/** The schema, quoted, that migrations are run in, and the store's name for messages. */
export interface SchemaOfStore {
  readonly schema: string;
  readonly store: string;
}

/** What is in the schema; `undefined` where there is no store in it. @throws StoreUnusable where it is of something else */
export async function installed(run: Run, { schema, store }: SchemaOfStore): Promise<Installed | undefined> {
  // Not to_regclass, which may answer from what this connection remembers of before the lock.
  const columns = await run<[string]>({
    text: `select relname || '.' || attname from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and attnum > 0
      where ${OF_SCHEMA} and relname in ('meta', 'events', 'state', 'leases', 'lease_times')`,
    values: [schema],
  });
  const names = columns.map(([name]) => name);
  if (names.length === 0) return undefined;
  const [found] = OF_A_STORE.every((name) => names.includes(name))
    ? await run<[string, string]>({ text: `select schema_version, usable_from from ${schema}.meta` })
    : [];
  if (found) return { version: Number(found[0]), usableFrom: Number(found[1]) };
  const message = `the schema ${schema} holds tables of something else. Nothing was changed in it; choose another schema.`;
  throw new StoreUnusable(store, 'not-a-store', message);
}

/** Columns by which a store is told from tables of the same names. */
const OF_A_STORE = [
  ...['schema_version', 'usable_from', 'log_id', 'epoch', 'epoch_start'].map((column) => `meta.${column}`),
  ...['position', 'stream', 'version', 'append_index'].map((column) => `events.${column}`),
];

/** Those of the steps that are missing, made for the schema. */
export function missing(
  schema: string,
  { version }: Pick<Installed, 'version'>,
  steps: readonly SchemaMigration[] = MIGRATIONS,
): readonly Migration[] {
  return steps.filter((it) => it.version > version).map((it) => ({ ...it, sql: it.sql(schema).trim() }));
}

/** Runs what is missing. One process does at a time; a step that another one has run meanwhile is left out. */
export async function migrate(
  run: Run,
  of: SchemaOfStore,
  steps: readonly SchemaMigration[] = MIGRATIONS,
): Promise<readonly Migration[]> {
  const done: Migration[] = [];
  for (;;) {
    const step = await inTransaction(run, { begin: BEGIN }, async () => {
      await run({ text: LOCK });
      const [next] = missing(of.schema, (await installed(run, of)) ?? NOTHING, steps);
      if (next) await run({ text: stepSql(of.schema, next) });
      return next;
    });
    if (!step) return done;
    done.push(step);
  }
}

/** Everything that makes a store, as one text. */
export function installationSql(schema: string): string {
  const steps = missing(schema, NOTHING).map((step) => stepSql(schema, step));
  return [`${BEGIN};`, LOCK, ...steps, 'commit;\n'].join('\n');
}

/** A step and the mark that it was made. */
function stepSql(schema: string, { version, usableFrom, sql }: Migration): string {
  const mark =
    version === 1
      ? `insert into ${schema}.meta (schema_version, usable_from, log_id) values (${version}, ${usableFrom}, gen_random_uuid()::text);`
      : `update ${schema}.meta set schema_version = ${version}, usable_from = ${usableFrom};`;
  return `${version === 1 ? makeSchema(schema) : ''}${sql}\n${mark}\n`;
}

/** `create schema if not exists` asks for the right to make one even where it exists. */
function makeSchema(schema: string): string {
  const ifMissing = `begin
    if current_setting('server_encoding') <> 'UTF8' then
      raise exception 'the encoding of this database is %, not UTF8', current_setting('server_encoding') using errcode = 'BSENC';
    end if;
    if to_regnamespace(${escapeLiteral(schema)}) is null then create schema ${schema}; end if;
  end`;
  return `do ${escapeLiteral(ifMissing)};\n`;
}

/** What was committed before the lock was given must be seen. */
const BEGIN = 'begin isolation level read committed';

export const NOTHING: Installed = { version: 0, usableFrom: 0 };

/**
 * Who waits for a table that is in use makes everybody after him wait as well: a step that does not get it soon gives up, and
 * is to be tried again.
 */
const LOCK = `set local lock_timeout = '3s';
select pg_advisory_xact_lock(${SCHEMA_LOCK_KEY});`;
