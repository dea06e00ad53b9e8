/** The two ways of talking to SQLite. */
export type DriverName = 'node:sqlite' | 'libsql';

/** What is bound and what comes back. Integers are below 2^53. */
export type Value = string | number | Uint8Array | null;
/** Integers that are bound as such: a driver takes numbers for floating-point ones. */
export type BoundValue = Value | bigint;
export type Row = readonly Value[];

/** A way of opening a SQLite file. All calls are synchronous, and all failures are {@link SqliteFailure}. */
export interface Driver {
  readonly name: DriverName;
  /** `true`: a connection that was closed may hold the file until its statements are collected as garbage. */
  readonly lingers: boolean;
  /** `uri` is a SQLite URI: `file:///data/bank.db?mode=ro` (https://sqlite.org/uri.html). */
  open(uri: string): Connection;
}

export interface Connection {
  /** Runs statements that return nothing. */
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

export interface Statement {
  /** Runs it to its end and says how many rows it changed. */
  run(params: readonly Value[]): number;
  /** Every row, as an array of its columns. The statement is finished: it holds no lock and no snapshot. */
  all(params: readonly Value[]): Row[];
  /** The same by the names of the columns, integers beyond 2^53 as bigint; for a statement that gives no rows, too. */
  objects(params: readonly BoundValue[]): Readonly<Record<string, unknown>>[];
}

/** A row with integers as numbers where these hold them. */
export function asNumbers(row: object): Record<string, unknown> {
  const fits = (value: unknown) => typeof value === 'bigint' && Number.isSafeInteger(Number(value));
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, fits(value) ? Number(value) : (value as unknown)]),
  );
}

/** SQLite said no. `code` is its primary result code (https://sqlite.org/rescode.html). */
export class SqliteFailure extends Error {
  readonly code: number;
  constructor(resultCode: number, cause: Error) {
    super(cause.message, { cause });
    this.name = 'SqliteFailure';
    this.code = resultCode & 0xff;
  }
}
