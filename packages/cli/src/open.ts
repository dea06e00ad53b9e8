import path from 'node:path';
import type { EventStore, Storage } from '@backstory/core';
import type { ReplaySource } from '@backstory/replay';
import type { Definition } from './definition.js';
import { UsageError } from './errors.js';
import type { VerbCall } from './verb.js';

/** Which log is meant, and from where. */
export interface StoreCall {
  readonly options: Pick<VerbCall['options'], 'config' | 'store'>;
  readonly io: Pick<VerbCall['io'], 'cwd' | 'definition' | 'enterFolder'>;
}

/** Opens the log for reading, works, and closes it. Needs `--store` or a configuration. */
export async function withLog<T>(call: StoreCall, work: (log: EventStore) => Promise<T>): Promise<T> {
  const { store } = call.options;
  const storage = store === undefined ? (await definitionFor(call)).store : await storageOf(store, call);
  return withStorage(storage, work);
}

/** Opens the log and the application's aggregates, works, and closes. Needs a configuration. */
export async function withSource<T>(call: StoreCall, work: (source: ReplaySource) => Promise<T>): Promise<T> {
  const { store } = call.options;
  const { aggregates, store: own } = await definitionFor(call);
  const storage = store === undefined ? own : await storageOf(store, call);
  return withStorage(storage, (events) => work({ events, aggregates }));
}

async function withStorage<T>(storage: Storage, work: (log: EventStore) => Promise<T>): Promise<T> {
  const opened = await storage.open({ readOnly: true });
  try {
    return await work(opened.events);
  } finally {
    await opened.close();
  }
}

/** The application of the configuration. */
export async function definitionFor({ io, options }: StoreCall): Promise<Definition> {
  if (io.definition) return io.definition;
  const { loadConfig } = await import('./config.js');
  return loadConfig(io, options.config);
}

async function storageOf(store: string, { io }: StoreCall): Promise<Storage> {
  const file = sqliteFile(store);
  const { sqlite } = await import('@backstory/sqlite');
  return sqlite(path.resolve(io.cwd, file));
}

/**
 * The file that `--store sqlite:<file>` names.
 *
 * @throws UsageError
 */
export function sqliteFile(store: string): string {
  const [scheme, ...rest] = store.split(':');
  const file = rest.join(':');
  if (scheme === 'sqlite' && file !== '') return file;
  throw new UsageError(
    'invalid-store',
    `--store ${store} names no store that this command can open: give sqlite:<file>, e.g. --store sqlite:bank.db.`,
  );
}
