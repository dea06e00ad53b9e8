import path from 'node:path';
import { StoreUnusable, type OpenOptions, type OpenStorage, type Storage } from '@backstory/core';
import { silent } from '@backstory/core/observe';
import {
  InvalidOption,
  LIMITS,
  LONGEST_TIMER,
  knownOptions,
  numberOption,
  type OptionNames,
} from '@backstory/core/store';
import { SqliteAdministration } from './administration.js';
import { driverFor } from './choose-driver.js';
import type { Driver, DriverName } from './driver.js';
import { openFile } from './open-file.js';
import { SqliteEventStore } from './sqlite-event-store.js';
import { SqliteFile } from './sqlite-file.js';
import { SqliteStateStore } from './sqlite-state-store.js';

/** Bounds, waiting times and guarantees of a SQLite store. What is left out has the default given here. */
export interface SqliteOptions {
  /** Data and metadata of one event together, in bytes. Default 1 MiB. */
  readonly maxEventBytes?: number;
  /** A transaction of appends is closed when it has this many events. Default 1,000. */
  readonly maxBatchEvents?: number;
  /** … or this many bytes. Default 4 MiB. */
  readonly maxBatchBytes?: number;
  /** Appends are refused while more than this many bytes wait to be written. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
  /** How long to wait, without blocking, for a file that another process keeps locked. Default 5,000. */
  readonly lockTimeoutMs?: number;
  /** How long the work of one state transaction may take before it is rolled back. Default 30,000. */
  readonly transactionTimeoutMs?: number;
  /** How often to look, while somebody follows the log, whether another process has appended. Default 20. */
  readonly pollMs?: number;
  /** `'normal'`: the last appends may be lost in a power cut, though not in a crash of the process. Default `'full'`. */
  readonly synchronous?: 'full' | 'normal';
  /** Default `'auto'`: `node:sqlite` where this Node has it, else `libsql`. Processes may differ. */
  readonly driver?: DriverName | 'auto';
  /** The store's clock in milliseconds. Default `Date.now`. */
  readonly now?: () => number;
}

/**
 * Keeps log and state in one SQLite file, which is made when it is first opened. Several processes of one machine may
 * use it at the same time.
 *
 * ```ts
 * const storage = sqlite('bank.db');
 * ```
 *
 * @throws StoreUnusable for `:memory:`, which is what `memory()` is for; InvalidOption
 */
export function sqlite(file: string, options: SqliteOptions = {}): Storage {
  if (typeof file !== 'string')
    throw new StoreUnusable('sqlite', 'unsupported', `needs the path of a file, not ${String(file)}.`);
  const store = nameOf(file);
  if (file === '' || file.startsWith(':memory:')) {
    throw new StoreUnusable(store, 'unsupported', 'a log in memory is made with memory(). Name a file.');
  }
  if (/^(file|sqlite):/.test(file)) {
    throw new StoreUnusable(store, 'unsupported', 'give the path of a file, without a prefix.');
  }
  const { driver = 'auto', lockTimeoutMs = LOCK_TIMEOUT_MS } = checked(options);
  return {
    description: store,
    open: async (opening) => openStorage(await driverFor(driver, store), file, options, opening),
    administer: async () =>
      new SqliteAdministration(await driverFor(driver, store), { path: file, store, lockTimeoutMs }),
  };
}

export async function openStorage(
  driver: Driver,
  file: string,
  {
    maxEventBytes = LIMITS.event,
    maxBatchEvents = 1_000,
    maxBatchBytes = 4 * 2 ** 20,
    maxQueuedBytes = 64 * 2 ** 20,
    lockTimeoutMs = LOCK_TIMEOUT_MS,
    transactionTimeoutMs = 30_000,
    pollMs = 20,
    synchronous = 'full',
    now = () => Date.now(),
  }: SqliteOptions,
  { readOnly = false, observer = silent }: OpenOptions = {},
): Promise<OpenStorage> {
  const store = nameOf(file);
  const access = await openFile(driver, { path: file, store, readOnly, lockTimeoutMs });
  const connections = await SqliteFile.connect(access, {
    store,
    lockTimeoutMs,
    transactionTimeoutMs,
    synchronous,
  });
  const batches = { maxEventBytes, maxBatchEvents, maxBatchBytes, maxQueuedBytes };
  const events = new SqliteEventStore(connections.retain(), { ...batches, pollMs, now, observer });
  const state = new SqliteStateStore(connections.retain(), now);
  const close = async () => void (await Promise.all([events.close(), state.close()]));
  return { events, state, close };
}

/** @throws InvalidOption */
function checked(options: SqliteOptions): SqliteOptions {
  knownOptions(options, OPTIONS);
  for (const [option, [least, most]] of Object.entries(RANGES)) {
    const value = options[option as keyof typeof RANGES];
    if (value !== undefined) numberOption(option, value, least, most);
  }
  const { synchronous = 'full', driver = 'auto' } = options;
  if (!['full', 'normal'].includes(synchronous))
    throw new InvalidOption('synchronous', `must be 'full' or 'normal', not ${String(synchronous)}.`);
  if (!['auto', 'node:sqlite', 'libsql'].includes(driver))
    throw new InvalidOption('driver', `must be 'auto', 'node:sqlite' or 'libsql', not ${String(driver)}.`);
  return options;
}

const OPTIONS: OptionNames<SqliteOptions> = {
  maxEventBytes: true,
  maxBatchEvents: true,
  maxBatchBytes: true,
  maxQueuedBytes: true,
  lockTimeoutMs: true,
  transactionTimeoutMs: true,
  pollMs: true,
  synchronous: true,
  driver: true,
  now: true,
};

const RANGES = {
  maxEventBytes: [1, Infinity],
  maxBatchEvents: [1, Infinity],
  maxBatchBytes: [1, Infinity],
  maxQueuedBytes: [1, Infinity],
  lockTimeoutMs: [0, Infinity],
  transactionTimeoutMs: [1, LONGEST_TIMER],
  pollMs: [1, LONGEST_TIMER],
} as const satisfies Partial<Record<keyof SqliteOptions, readonly [least: number, most: number]>>;

const LOCK_TIMEOUT_MS = 5_000;

function nameOf(file: string): string {
  return `sqlite:${path.basename(file)}`;
}
