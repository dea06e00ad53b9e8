import { StoreUnusable } from '@backstory/core';
import type { Migration, StoreAdministration, StoreStatus } from '@backstory/core/administration';
import { Database, type DatabaseOptions } from './database.js';
import { refuseNewer } from './install.js';
import { readIdentity } from './log-identity.js';
import {
  MIGRATIONS,
  NOTHING,
  installationSql,
  installed,
  migrate,
  missing,
  type Installed,
  type SchemaMigration,
} from './migrations.js';
import { OF_SCHEMA, tableName } from './schema-name.js';
import type { Run } from './session.js';
import { inTransaction } from './transaction.js';

/** Looks after a schema. It may take its time: what moves a large table is not given up for want of an answer. */
export class PostgresAdministration implements StoreAdministration {
  private readonly database: Database;

  constructor(
    options: DatabaseOptions,
    private readonly steps: readonly SchemaMigration[] = MIGRATIONS,
  ) {
    const patient = { query_timeout: 0 };
    this.database = new Database({
      ...options,
      connection: { ...options.connection, ...patient },
      ...(options.direct && { direct: { ...options.direct, ...patient } }),
      maxConnections: 1,
    }).retain();
  }

  async status(): Promise<StoreStatus> {
    const { store, schema } = this.database;
    return this.database.direct(async (run) => {
      const found = await installed(run, this.database);
      return {
        store,
        version: found?.version ?? 0,
        wanted: this.wanted,
        log: found && (await readIdentity(run, schema)),
        facts: { schema, ...(await serverFacts(run)), ...(found && (await storeFacts(run, schema))) },
      };
    });
  }

  async plan(): Promise<readonly Migration[]> {
    return this.database.direct(async (run) => {
      const found = (await installed(run, this.database)) ?? NOTHING;
      refuseNewer(found, this.database, this.wanted);
      return missing(this.database.schema, found, this.steps);
    });
  }

  async init(): Promise<boolean> {
    return this.database.direct(async (run) => {
      if (await installed(run, this.database)) return false;
      return (await migrate(run, this.database, this.steps)).length > 0;
    });
  }

  async migrate(): Promise<readonly Migration[]> {
    return this.database.direct(async (run) => {
      refuseNewer(await this.require(run), this.database, this.wanted);
      return migrate(run, this.database, this.steps);
    });
  }

  sql(): string {
    return installationSql(this.database.schema);
  }

  /** Without CASCADE: where something of somebody else's depends on it, or is in a schema that would go, nothing is dropped. */
  async drop(): Promise<void> {
    const { schema, store } = this.database;
    const drop = async (run: Run) => {
      await this.require(run);
      await inTransaction(run, { begin: `begin; set local lock_timeout = '3s'` }, async () => {
        const names = [made('table', this.steps), made('function', this.steps)];
        const own = await run<[string]>({ text: DROPS, values: [schema, ...names] });
        await run({ text: own.map(([drop]) => drop).join(';') });
      });
    };
    await this.database.direct(drop).catch((error: unknown) => {
      const { code, detail } = error as { code?: string; detail?: string };
      if (code !== IN_USE) throw error;
      const message = `something else is in the schema ${schema} or depends on it (${detail}). Nothing was dropped; remove that first.`;
      throw new StoreUnusable(store, 'unsupported', message, { cause: error });
    });
  }

  async close(): Promise<void> {
    await this.database.release();
  }

  private get wanted(): number {
    return this.steps.at(-1)!.version;
  }

  private async require(run: Run): Promise<Installed> {
    const { store, schema } = this.database;
    const found = await installed(run, this.database);
    if (found) return found;
    const message = `there is no schema ${schema} in the database. Make it with backstory store init.`;
    throw new StoreUnusable(store, 'missing', message);
  }
}

async function serverFacts(run: Run): Promise<StoreStatus['facts']> {
  const text = `select current_setting('server_version'), current_setting('synchronous_commit'), pg_is_in_recovery()::text`;
  const [[version, commit, standby] = []] = await run<[string, string, string]>({ text });
  const role = standby === 'true' ? 'a standby, which only reads' : 'primary';
  return { server: `PostgreSQL ${version}`, role, synchronous_commit: commit! };
}

async function storeFacts(run: Run, schema: string): Promise<StoreStatus['facts']> {
  const text = `select pg_total_relation_size(${tableName(schema, 'events')}),
    (select count(*) from pg_stat_activity where datname = current_database() and application_name like 'backstory%' and pid <> pg_backend_pid()),
    greatest(0, extract(epoch from (select recorded_at from ${schema}.events order by position desc limit 1) - clock_timestamp()))::int`;
  const [[size, connections, ahead] = []] = await run<[string, string, string]>({ text });
  return {
    'log in bytes': Number(size),
    'connections to the database': Number(connections),
    ...(Number(ahead) > 0 && { 'clock held back in seconds': Number(ahead) }),
  };
}

/** dependent_objects_still_exist */
const IN_USE = '2BP01';

/**
 * What a store is made of, as statements that drop it: tables first, with what hangs on them; last the schema, unless it is
 * public or one that this user could not make again. $2 and $3: the names of tables and functions
 */
const DROPS = `
select statement from (
  select 1 as turn, 'drop table ' || c.oid::regclass as statement
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${OF_SCHEMA} and relname = any($2) and relkind = 'r'
  union all
  select 2, 'drop function ' || p.oid::regprocedure
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${OF_SCHEMA} and proname = any($3)
  union all
  select 3, 'drop schema ' || $1 from pg_namespace
  where ${OF_SCHEMA} and nspname <> 'public' and pg_has_role(nspowner, 'usage') and has_database_privilege(current_database(), 'create')
) own order by turn`;

/** The names of what the steps have made of a kind. */
function made(kind: 'table' | 'function', steps: readonly SchemaMigration[]): readonly string[] {
  const created = new RegExp(`create (?:or replace )?${kind} schema\\.(\\w+)`, 'g');
  return steps.flatMap(({ sql }) => [...sql('schema').matchAll(created)].map(([, name]) => name!));
}
