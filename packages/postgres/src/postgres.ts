import { StoreUnusable, type OpenOptions, type OpenStorage, type Storage } from '@backstory/core';
import { silent } from '@backstory/core/observe';
import {
  InvalidOption,
  LIMITS,
  LONGEST_TIMER,
  isName,
  knownOptions,
  numberOption,
  type OptionNames,
} from '@backstory/core/store';
import { Client, escapeIdentifier, type ClientConfig } from 'pg';
import { PostgresAdministration } from './administration.js';
import { Database, type DatabaseOptions } from './database.js';
import { install } from './install.js';
import { PostgresEventStore } from './postgres-event-store.js';
import { PostgresStateStore } from './postgres-state-store.js';

/** Names, bounds, waiting times and guarantees of a PostgreSQL store. What is left out has the default given here. */
export interface PostgresOptions {
  /** The schema that holds log and state; several may stand in one database. Default: `?schema=` of the URL, else `'backstory'`. */
  readonly schema?: string;
  /** Connections for reads and state transactions at the same time; two more append and listen. Default 10. */
  readonly maxConnections?: number;
  /** Data and metadata of one event together, in bytes. Default 1 MiB. */
  readonly maxEventBytes?: number;
  /** A transaction of appends is closed when it has this many events. Default 1,000. */
  readonly maxBatchEvents?: number;
  /** … or this many bytes. Default 4 MiB. */
  readonly maxBatchBytes?: number;
  /** Appends are refused while more than this many bytes wait to be written. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
  /** How long to wait for a connection. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** How long to wait for the answer to a statement before its connection is given up. Default 30,000. */
  readonly responseTimeoutMs?: number;
  /** How long the work of one state transaction may take before it is rolled back. Default 30,000. */
  readonly transactionTimeoutMs?: number;
  /** How long an append waits for other writers before the observer is told who they are. Default 1,000. */
  readonly lockWarningMs?: number;
  /** How often followers look by themselves, in case a notification was lost. Default 1,000. */
  readonly pollMs?: number;
  /** `false`: no LISTEN and NOTIFY; followers look every `pollMs`. Default true. */
  readonly notify?: boolean;
  /** `false` behind a proxy that shares connections among transactions, such as PgBouncer. Default true. */
  readonly prepare?: boolean;
  /**
   * Leads past that proxy: for LISTEN and NOTIFY, and for making the schema. Without it followers behind a proxy look every
   * `pollMs`.
   */
  readonly direct?: string | ClientConfig;
}

/**
 * Keeps log and state in a PostgreSQL database, 15 or later, for any number of processes. What it needs is made in a schema of
 * its own when it is first opened for writing.
 *
 * ```ts
 * const store = postgres('postgres://bank@db.example/bank');
 * ```
 *
 * @throws InvalidOption
 */
export function postgres(connection: string | ClientConfig, options: PostgresOptions = {}): Storage {
  checkOptions(options);
  const [address, schemaInUrl] = withoutSchema(connection);
  const config = connectionConfig(address, options);
  const description = nameOf(config);
  const { schema = schemaInUrl ?? 'backstory', maxConnections = 10, prepare = true, direct } = options;
  checkSchema(schema);
  const access: DatabaseOptions = {
    store: description,
    schema: escapeIdentifier(schema),
    connection: config,
    ...(direct !== undefined && { direct: connectionConfig(direct, options) }),
    maxConnections,
    prepare,
  };
  return {
    description,
    open: (opening) => openStorage(access, options, opening),
    administer: async () => new PostgresAdministration(access),
  };
}

async function openStorage(
  access: DatabaseOptions,
  options: PostgresOptions,
  { readOnly = false, observer = silent }: OpenOptions = {},
): Promise<OpenStorage> {
  const database = new Database({ ...access, readOnly });
  const opened = openParts(database, options, observer);
  try {
    await install(database, { create: !readOnly });
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function openParts(
  database: Database,
  {
    maxEventBytes = LIMITS.event,
    maxBatchEvents = 1_000,
    maxBatchBytes = 4 * 2 ** 20,
    maxQueuedBytes = 64 * 2 ** 20,
    transactionTimeoutMs = 30_000,
    lockWarningMs = 1_000,
    pollMs = 1_000,
    notify = true,
  }: PostgresOptions,
  observer: NonNullable<OpenOptions['observer']>,
): OpenStorage {
  const batches = { maxEventBytes, maxBatchEvents, maxBatchBytes, maxQueuedBytes };
  const events = new PostgresEventStore(database.retain(), {
    ...batches,
    lockWarningMs,
    pollMs,
    notify,
    observer,
  });
  const state = new PostgresStateStore(database.retain(), { transactionTimeoutMs });
  const close = async () => void (await Promise.all([events.close(), state.close()]));
  return { events, state, within: (client, id) => events.within(client, id), close };
}

function connectionConfig(
  connection: string | ClientConfig,
  { connectTimeoutMs = 5_000, responseTimeoutMs = 30_000 }: PostgresOptions,
): ClientConfig {
  const given = typeof connection === 'string' ? { connectionString: connection } : connection;
  return {
    application_name: 'backstory',
    keepAlive: true,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: responseTimeoutMs,
    ...given,
  };
}

/** @throws InvalidOption, StoreUnusable */
function checkOptions(options: PostgresOptions): void {
  knownOptions(options, OPTIONS);
  for (const [option, [least, most]] of Object.entries(RANGES)) {
    const value = options[option as keyof typeof RANGES];
    if (value !== undefined) numberOption(option, value, least, most);
  }
}

function checkSchema(schema: string): void {
  if (!isName(schema, 63) || schema.startsWith('pg_')) {
    const rule =
      'must be a name of 1 to 63 bytes, without control characters, that does not begin with "pg_"';
    throw new InvalidOption('schema', `${rule}, not ${JSON.stringify(schema)}.`);
  }
}

const OPTIONS: OptionNames<PostgresOptions> = {
  schema: true,
  maxConnections: true,
  maxEventBytes: true,
  maxBatchEvents: true,
  maxBatchBytes: true,
  maxQueuedBytes: true,
  connectTimeoutMs: true,
  responseTimeoutMs: true,
  transactionTimeoutMs: true,
  lockWarningMs: true,
  pollMs: true,
  notify: true,
  prepare: true,
  direct: true,
};

const RANGES = {
  maxConnections: [1, 10_000],
  maxEventBytes: [1, Infinity],
  maxBatchEvents: [1, Infinity],
  maxBatchBytes: [1, Infinity],
  maxQueuedBytes: [1, Infinity],
  connectTimeoutMs: [1, LONGEST_TIMER],
  responseTimeoutMs: [1, LONGEST_TIMER],
  transactionTimeoutMs: [1, LONGEST_TIMER],
  lockWarningMs: [1, LONGEST_TIMER],
  pollMs: [1, LONGEST_TIMER],
} as const satisfies Partial<Record<keyof PostgresOptions, readonly [least: number, most: number]>>;

/**
 * The URL, and the schema that `?schema=` names in it: the driver would take that for a setting of its own, and leave it out.
 *
 * @throws InvalidOption
 */
function withoutSchema(
  connection: string | ClientConfig,
): readonly [connection: string | ClientConfig, schema: string | undefined] {
  const found = typeof connection === 'string' ? /([?&])schema=([^&]*)(&|$)/.exec(connection) : null;
  if (!found) return [connection, undefined];
  const [whole, before, schema = '', after] = found;
  const url = (connection as string).replace(whole, after === '' ? '' : before!);
  try {
    return [url, decodeURIComponent(schema)];
  } catch {
    throw new InvalidOption('schema', `is written in the URL as ${schema}, which is no encoding of a name.`);
  }
}

/** Without user and password, and without the port where it is PostgreSQL's own. */
function nameOf(connection: ClientConfig): string {
  const { connectionString } = connection;
  // The driver would take it for the name of a database, password and all.
  if (connectionString !== undefined && !/^(postgres(ql)?:|socket:|\/)/.test(connectionString))
    throw new StoreUnusable(
      'postgres',
      'unsupported',
      'give a URL, e.g. postgres://user@host/database, or an object.',
    );
  try {
    const { host, port, database } = new Client(connection);
    return `postgres:${host}${port === 5432 ? '' : `:${port}`}/${database ?? ''}`;
  } catch (error) {
    throw new StoreUnusable(
      'postgres',
      'unsupported',
      `the connection string cannot be read: ${(error as Error).message}.`,
    );
  }
}
