import type Database from 'libsql';
import {
  SqliteFailure,
  asNumbers,
  type Connection,
  type Driver,
  type Row,
  type Statement,
} from './driver.js';

/**
 * SQLite as libsql brings it, prebuilt for every platform, where Node has none of its own.
 * It numbers parameters only when they come as one array, and has no way of finishing a statement before it is collected.
 */
export function libsqlDriver(): Driver {
  // Loaded when it is wanted: where Node brings SQLite, the binary is left alone. Not by import(), which stays what it is in
  // CommonJS and which Jest refuses there.
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- see above
  const Libsql = require('libsql') as typeof Database;
  return { name: 'libsql', lingers: true, open: (uri) => connect(guarded(() => new Libsql(uri))) };
}

function connect(database: Database.Database): Connection {
  return {
    exec: (sql) => void guarded(() => database.exec(sql)),
    prepare: (sql) => statement(guarded(() => database.prepare(sql))),
    close: () => void guarded(() => database.close()),
  };
}

function statement(prepared: Database.Statement): Statement {
  let raw = false;
  return {
    run: (params) => guarded(() => prepared.run(params).changes),
    all: (params) =>
      guarded(() => {
        if (!raw) prepared.raw();
        raw = true;
        return prepared.all(params) as Row[];
      }),
    objects: (params) =>
      guarded(() => {
        if (!prepared.reader) {
          prepared.run(params);
          return [];
        }
        prepared.raw(false);
        raw = false;
        prepared.safeIntegers(true);
        try {
          return (prepared.all(params) as object[]).map(asNumbers);
        } finally {
          prepared.safeIntegers(false);
        }
      }),
  };
}

const OPEN_FAILED = /Unable to open connection to local database .*: (\d+)/;

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { rawCode, message } = error as { rawCode?: unknown; message: string };
    if (typeof rawCode === 'number') throw new SqliteFailure(rawCode, error as Error);
    const opening = OPEN_FAILED.exec(message);
    if (opening) throw new SqliteFailure(Number(opening[1]), error as Error);
    throw error;
  }
}
