import {
  SqliteFailure,
  asNumbers,
  type BoundValue,
  type Connection,
  type Driver,
  type Row,
  type Statement,
  type Value,
} from './driver.js';

/** The parts of `node:sqlite` that are used; the types for Node 20 do not know the module. */
interface NodeSqlite {
  readonly DatabaseSync: new (uri: string) => NodeDatabase;
  readonly StatementSync: { readonly prototype: object };
}
interface NodeDatabase {
  exec(sql: string): void;
  prepare(sql: string): NodeStatement;
  close(): void;
}
interface NodeStatement {
  setReturnArrays(enabled: boolean): void;
  run(...params: Value[]): { readonly changes: number | bigint };
  setReadBigInts(enabled: boolean): void;
  all(...params: BoundValue[]): unknown[];
}

/** SQLite as it comes with Node. `undefined` where Node has none, or one that cannot return rows as arrays. */
export function nodeDriver(): Driver | undefined {
  const module = loadQuietly();
  if (module === undefined || !('setReturnArrays' in module.StatementSync.prototype)) return undefined;
  return {
    name: 'node:sqlite',
    lingers: false,
    open: (uri) => connect(guarded(() => new module.DatabaseSync(uri))),
  };
}

/**
 * Loading the module makes Node announce that it is experimental. Those who run an application did not choose it and
 * cannot act on it, so that one warning is left out while the module loads; every other one goes its way.
 */
function loadQuietly(): NodeSqlite | undefined {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- put back as it was
  const emitWarning = process.emitWarning;
  const quiet = (warning: string | Error, ...rest: unknown[]): void => {
    if (String(warning).startsWith('SQLite is an experimental feature')) return;
    Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  process.emitWarning = quiet;
  try {
    return process.getBuiltinModule('node:sqlite') as NodeSqlite | undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}

function connect(database: NodeDatabase): Connection {
  return {
    exec: (sql) => guarded(() => database.exec(sql)),
    prepare: (sql) => statement(guarded(() => database.prepare(sql))),
    close: () => guarded(() => database.close()),
  };
}

function statement(prepared: NodeStatement): Statement {
  prepared.setReturnArrays(true);
  return {
    run: (params) => guarded(() => Number(prepared.run(...params).changes)),
    // A list of our own: Node makes its lists outside the context that this code may run in, as under Jest.
    all: (params) => guarded(() => [...prepared.all(...params)] as Row[]),
    objects: (params) =>
      guarded(() => {
        prepared.setReturnArrays(false);
        prepared.setReadBigInts(true);
        try {
          return prepared.all(...params).map((row) => asNumbers(row as object));
        } finally {
          prepared.setReadBigInts(false);
          prepared.setReturnArrays(true);
        }
      }),
  };
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { errcode } = error as { errcode?: unknown };
    if (typeof errcode === 'number') throw new SqliteFailure(errcode, error as Error);
    throw error;
  }
}
