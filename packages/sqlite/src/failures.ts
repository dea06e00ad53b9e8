import { StoreUnavailable, StoreUnusable } from '@backstory/core';
import { SqliteFailure } from './driver.js';
import { SealBroken } from './seal.js';

/** Result codes of SQLite (https://sqlite.org/rescode.html). */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const PROTOCOL = 15;
const CONSTRAINT = 19;
const NOTADB = 26;

/** Somebody else holds a lock for now. */
export function isBusy(error: unknown): boolean {
  return error instanceof SqliteFailure && [BUSY, LOCKED, PROTOCOL].includes(error.code);
}

/** An index or a trigger has refused a row. */
export function isConstraint(error: unknown): boolean {
  return error instanceof SqliteFailure && error.code === CONSTRAINT;
}

/** Something was to be written on a connection or in a file that is only read. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof SqliteFailure && error.code === READONLY;
}

/** The file, or one that belongs to it, cannot be opened or made. */
export function cannotOpen(error: unknown): boolean {
  return error instanceof SqliteFailure && [CANTOPEN, READONLY].includes(error.code);
}

/** What a failure of SQLite means to those who use the store; anything else is given back as it is. */
export function storeError(error: unknown, store: string): unknown {
  if (error instanceof SealBroken)
    return new StoreUnavailable(store, 'another process began to write to it meanwhile', { cause: error });
  if (!(error instanceof SqliteFailure)) return error;
  const options = { cause: error };
  const unusable = (problem: StoreUnusable['problem'], message: string) =>
    new StoreUnusable(store, problem, message, options);
  switch (error.code) {
    case BUSY:
    case LOCKED:
    case PROTOCOL:
      return new StoreUnavailable(store, 'another process holds it locked', options);
    case IOERR:
      return new StoreUnavailable(store, `the disk reports an error (${error.message})`, options);
    case FULL:
      return unusable('full', 'the disk is full. Nothing was written; make room and go on.');
    case CORRUPT:
      return unusable('corrupt', `the file is damaged (${error.message}). Restore it from a backup.`);
    case NOTADB:
      return unusable('not-a-store', 'the file is not a SQLite database. Nothing was changed in it.');
    case READONLY:
      return unusable('read-only', 'the file or its directory cannot be written to. Open it read-only.');
    case CANTOPEN:
      return unusable(
        'unsupported',
        'the file cannot be opened: check that this user may read and write it.',
      );
    default:
      return error;
  }
}
