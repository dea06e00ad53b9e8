import { StoreClosed } from '@backstory/core/store';
import {
  afterPrefix,
  type ResolvedStateQuery,
  type StateEntry,
  type StateQuery,
  type StateView,
  checkCollection,
  checkKey,
  resolveStateQuery,
} from '@backstory/core/state';
import type { Session } from './session.js';
import { SqliteSql } from './sql-session.js';
import type { StateScope } from './state-scope.js';

/** Reading state in a transaction that is open. */
export class SqliteStateView implements StateView {
  readonly sql: SqliteSql;

  constructor(private readonly scope: StateScope) {
    this.sql = new SqliteSql(scope);
  }

  async get(collection: string, key: string): Promise<string | undefined> {
    checkCollection(collection);
    checkKey(key);
    return this.session.first<[string]>(GET, collection, key)?.[0];
  }

  async getMany(collection: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    checkCollection(collection);
    keys.forEach(checkKey);
    return new Map(this.session.all<[string, string]>(GET_MANY, collection, JSON.stringify(keys)));
  }

  async list(collection: string, query?: StateQuery): Promise<readonly StateEntry[]> {
    checkCollection(collection);
    const { sql, values } = listing(resolveStateQuery(query));
    const rows = this.session.all<[string, string]>(sql, collection, ...values);
    return rows.map(([key, value]) => ({ key, value }));
  }

  async count(collection: string): Promise<number> {
    checkCollection(collection);
    return this.session.first<[number]>(COUNT, collection)![0];
  }

  protected get session(): Session {
    if (!this.scope.isRunning()) throw new StoreClosed(this.scope.name);
    return this.scope.session;
  }
}

/** One of a few statements, by which bounds there are; each reads no more than it gives. */
function listing({ prefix, after, upTo, backwards, limit }: ResolvedStateQuery): {
  readonly sql: string;
  readonly values: readonly (string | number)[];
} {
  const bounds: [condition: string, value: string | undefined][] = [
    ['key > ?', after],
    ['key >= ?', prefix],
    ['key < ?', afterPrefix(prefix)],
    ['key <= ?', upTo],
  ];
  const given = bounds.filter(([, value]) => value !== undefined) as [string, string][];
  const where = ['collection = ?', ...given.map(([condition]) => condition)].join(' AND ');
  const order = backwards ? 'key DESC' : 'key';
  const sql = `SELECT key, value FROM state WHERE ${where} ORDER BY ${order} LIMIT ?`;
  return { sql, values: [...given.map(([, value]) => value), limit] };
}

const GET = 'SELECT value FROM state WHERE collection = ? AND key = ?';
const GET_MANY =
  'SELECT key, value FROM state WHERE collection = ? AND key IN (SELECT value FROM json_each(?))';
const COUNT = 'SELECT count(*) FROM state WHERE collection = ?';
