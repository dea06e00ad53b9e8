import { realpathSync, statSync, type Stats } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { StoreUnusable } from '@backstory/core';
import type { Driver, DriverName } from './driver.js';
import { cannotOpen, storeError } from './failures.js';
import { FilePlace } from './file-place.js';
import { patiently } from './patiently.js';
import { create, inspect } from './schema.js';
import { SealBroken, openToRead } from './seal.js';
import { Session } from './session.js';

/** A file that is there and is a store, and how to connect to it. */
export interface FileAccess {
  /** Opens the file once more; read-only where `readOnly` is. */
  readonly connect: () => Session;
  readonly readOnly: boolean;
  readonly place: FilePlace;
  /** Says that this process is done with the file. */
  readonly release: () => void;
}

export interface OpenFileOptions {
  readonly path: string;
  readonly store: string;
  readonly readOnly: boolean;
  readonly lockTimeoutMs: number;
}

/**
 * Makes sure that the file is a store, making one where there is none.
 * The file is never opened other than by SQLite: closing it would drop the locks that this process holds on it
 * (https://sqlite.org/howtocorrupt.html, 2.2).
 *
 * @throws StoreUnusable, StoreUnavailable
 */
export async function openFile(driver: Driver, options: OpenFileOptions): Promise<FileAccess> {
  checkPlace(options);
  const release = claim(options, driver);
  try {
    const { path: file, store, readOnly } = options;
    const found = { ...options, path: targetOf(file) };
    const connect = await (readOnly ? findReadable(driver, found) : prepare(driver, found));
    return { connect, readOnly, place: new FilePlace(file, store), release };
  } catch (error) {
    release();
    throw storeError(error, options.store);
  }
}

/** Behind links: what SQLite puts beside a file stands beside that. */
function targetOf(file: string): string {
  return statSync(file, { throwIfNoEntry: false }) === undefined ? file : realpathSync(file);
}

function checkPlace({ path: file, store, readOnly }: OpenFileOptions): void {
  if (file.endsWith('/') || file.endsWith(path.sep))
    throw new StoreUnusable(store, 'not-a-store', `${file} is the path of a directory: name a file.`);
  const found = statOf(file, store);
  if (found?.isDirectory())
    throw new StoreUnusable(store, 'not-a-store', `${file} is a directory: name a file.`);
  if (found) return;
  const directory = path.dirname(path.resolve(file));
  const nearest = nearestTo(directory, store);
  if (!nearest.stats.isDirectory())
    throw new StoreUnusable(
      store,
      'unsupported',
      `${file} leads through a file: name a path through directories.`,
    );
  if (nearest.place !== directory)
    throw new StoreUnusable(store, 'missing', `there is no directory ${directory}: make it first.`);
  if (readOnly)
    throw new StoreUnusable(
      store,
      'missing',
      `there is no file ${path.resolve(file)}. Nothing was created: run the application first, or correct the path.`,
    );
}

/** What is at a path, or at the nearest place on the way to it. */
function nearestTo(place: string, store: string): { readonly place: string; readonly stats: Stats } {
  const stats = statOf(place, store);
  return stats ? { place, stats } : nearestTo(path.dirname(place), store);
}

/** What is at a path, if anything. @throws StoreUnusable where that cannot be told */
function statOf(file: string, store: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // Of a path through a file some releases of Node say that nothing is there, others this.
    if (code === 'ENOTDIR') return undefined;
    const why = `${file} cannot be looked for (${message}): name a path that this user may reach.`;
    throw new StoreUnusable(store, 'unsupported', why, { cause });
  }
}

/** Which copy of SQLite has a file open in this process, and how often. */
const claims = new Map<string, { readonly driver: DriverName; count: number }>();

/**
 * Two copies of SQLite in one process undo each other's locks (https://sqlite.org/howtocorrupt.html, 2.2.1), and so does
 * a connection that lingers when it goes.
 */
function claim({ path: file, store }: OpenFileOptions, { name, lingers }: Driver): () => void {
  const resolved = path.resolve(file);
  const exists = statSync(resolved, { throwIfNoEntry: false }) !== undefined;
  const place = exists
    ? realpathSync(resolved)
    : path.join(realpathSync(path.dirname(resolved)), path.basename(resolved));
  const held = claims.get(place) ?? { driver: name, count: 0 };
  if (held.driver !== name) {
    const message = `this process has opened the file with ${held.driver} before: use one driver for it.`;
    throw new StoreUnusable(store, 'unsupported', message);
  }
  claims.set(place, held);
  held.count++;
  return () => {
    if (--held.count === 0 && !lingers) claims.delete(place);
  };
}

async function prepare(driver: Driver, options: OpenFileOptions): Promise<() => Session> {
  const { path: file, store } = options;
  await lookFirst(driver, options);
  const connect = (mode: 'rw' | 'rwc') =>
    new Session(driver.open(`${pathToFileURL(file).href}?mode=${mode}`));
  const session = connect('rwc');
  try {
    session.exec('PRAGMA busy_timeout = 2');
    const found = await patiently(() => inspect(session, store), options);
    await patiently(() => useWriteAheadLog(session, store), options);
    if (found === 'empty') {
      await patiently(() => session.exec('BEGIN IMMEDIATE'), options);
      createOnce(session, store);
    }
    return () => connect('rw');
  } finally {
    session.close();
  }
}

/**
 * A look that changes nothing comes first: whoever opens a stranger's file to write and closes it again would move its
 * write-ahead log into it.
 */
async function lookFirst(driver: Driver, options: OpenFileOptions): Promise<void> {
  if (statSync(options.path, { throwIfNoEntry: false }) === undefined) return;
  try {
    await look(() => openToRead(driver, options.path), options);
  } catch (error) {
    if (!cannotOpen(error)) throw error; // what cannot be opened to read may need to be mended first
  }
}

/** Another process may have been first. */
function createOnce(session: Session, store: string): void {
  try {
    if (inspect(session, store) === 'empty') create(session);
    session.exec('COMMIT');
  } catch (error) {
    session.rollBack();
    throw error;
  }
}

function useWriteAheadLog(session: Session, store: string): void {
  const [mode] = session.first<[string]>('PRAGMA journal_mode = WAL')!;
  if (mode !== 'wal') {
    const message = `this place cannot hold a write-ahead log (journal mode ${mode}): use a local disk.`;
    throw new StoreUnusable(store, 'unsupported', message);
  }
}

/**
 * A reader of a write-ahead log needs its index, the `-shm` file, beside the store. Where it can neither be read nor made,
 * nobody is writing; if the log is empty, the file alone is everything and can be read as it is.
 */
async function findReadable(driver: Driver, options: OpenFileOptions): Promise<() => Session> {
  const connect = () => openToRead(driver, options.path);
  try {
    await tryReading(connect, options);
    return connect;
  } catch (error) {
    if (!cannotOpen(error)) throw error;
    const beside = (end: string) =>
      (statSync(`${options.path}${end}`, { throwIfNoEntry: false })?.size ?? 0) > 0;
    const message = beside('-wal') ? LOG_UNREAD : beside('-journal') ? ROLLED_BACK : undefined;
    if (message !== undefined) throw new StoreUnusable(options.store, 'read-only', message, { cause: error });
    const uri = `${pathToFileURL(options.path).href}?mode=ro&immutable=1`;
    const connectAlone = () => new Session(driver.open(uri));
    await tryReading(connectAlone, options);
    return connectAlone;
  }
}

const LOG_UNREAD =
  'its write-ahead log cannot be read from a read-only directory: copy the files to another.';
const ROLLED_BACK =
  'a rollback journal is beside it (-journal), which no store writes: whoever opens it to write reads other data than the file ' +
  'holds. Keep a copy of both files, and find out who made it.';

async function tryReading(connect: () => Session, options: OpenFileOptions): Promise<void> {
  if ((await look(connect, options)) === 'store') return;
  throw new StoreUnusable(options.store, 'not-a-store', 'the file is empty. Nothing was created in it.');
}

async function look(connect: () => Session, options: OpenFileOptions): Promise<'empty' | 'store'> {
  const session = connect();
  try {
    session.exec('PRAGMA busy_timeout = 2');
    return await patiently(() => inspect(session, options.store), options);
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error;
  } finally {
    session.close();
  }
  return look(connect, options);
}
