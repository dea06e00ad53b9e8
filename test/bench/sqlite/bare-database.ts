import { createRequire } from 'node:module';
import path from 'node:path';
import type { DriverName } from '@backstory/sqlite';

type Value = string | number | null;

/** A driver as it is, in the quickest way it offers: values in, rows out, both as arrays. */
export interface BareDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): BareStatement;
  close(): void;
}

export interface BareStatement {
  run(values: readonly Value[]): unknown;
  all(values: readonly Value[]): (readonly Value[])[];
}

/** Opens a file with the driver itself, with the settings that the store gives its own connections. */
export function bareDatabase(driver: DriverName, file: string): BareDatabase {
  const database = driver === 'libsql' ? libsqlDatabase(file) : nodeDatabase(file);
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL');
  database.exec('PRAGMA wal_autocheckpoint = 2000');
  database.exec('PRAGMA journal_size_limit = 67108864');
  database.exec('PRAGMA cache_size = -16000');
  database.exec('PRAGMA temp_store = MEMORY');
  return database;
}

/** What makes the files of both sides durable, in the words of {@link bareDatabase}. */
export const SETTINGS = '-- SQLite: journal_mode = WAL, synchronous = FULL\n';

/** The tables and indexes of the log, as they stand in a store's file. Triggers are ours alone. */
export function eventsTable(database: BareDatabase): string {
  const made = database
    .prepare(
      `SELECT sql FROM sqlite_schema WHERE tbl_name = 'events' AND type <> 'trigger' AND sql IS NOT NULL`,
    )
    .all([]);
  return made.map(([sql]) => `${sql};\n`).join('');
}

/** @throws Error where one side would have more to keep up than the other */
export function checkSameTables(ours: BareDatabase, bare: BareDatabase): void {
  const [wanted, found] = [eventsTable(ours), eventsTable(bare)];
  if (found !== wanted)
    throw new Error(
      `The bare side does not have the same tables and indexes as the store.\nThe store:\n${wanted}Bare:\n${found}`,
    );
}

interface Driver {
  new (file: string): {
    exec(sql: string): unknown;
    prepare(sql: string): {
      run(...values: readonly unknown[]): unknown;
      all(...values: readonly unknown[]): unknown[];
      raw(): void;
      setReturnArrays(arrays: boolean): void;
    };
    close(): void;
  };
}

function libsqlDatabase(file: string): BareDatabase {
  // The copy of libsql that the store itself uses.
  const Libsql = createRequire(path.join(__dirname, '../../../packages/sqlite/package.json'))(
    'libsql',
  ) as Driver;
  const database = new Libsql(file);
  return {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      if (isQuery(sql)) statement.raw();
      return statement as BareStatement;
    },
    close: () => database.close(),
  };
}

function nodeDatabase(file: string): BareDatabase {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite') as unknown as { DatabaseSync: Driver };
  const database = new DatabaseSync(file);
  return {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      statement.setReturnArrays(true);
      return {
        run: (values) => statement.run(...values),
        all: (values) => statement.all(...values) as (readonly Value[])[],
      };
    },
    close: () => database.close(),
  };
}

function isQuery(sql: string): boolean {
  return /^\s*(SELECT|PRAGMA)/i.test(sql);
}
