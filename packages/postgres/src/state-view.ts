import { StoreClosed } from '@backstory/core/store';
import {
  afterPrefix,
  checkCollection,
  checkEntry,
  checkKey,
  resolveStateQuery,
  type StateEntry,
  type StateQuery,
  type StateTransaction,
  type StateView,
} from '@backstory/core/state';
import { textArray } from './binary-arrays.js';
import type { Value } from './session.js';
import { PostgresSql } from './sql-session.js';
import type { StateScope } from './state-scope.js';

/** Reading state in a transaction that is open. */
export class PostgresStateView implements StateView {
  readonly sql: PostgresSql;

  constructor(private readonly scope: StateScope) {
    this.sql = new PostgresSql(scope);
  }

  async get(collection: string, key: string): Promise<string | undefined> {
    checkCollection(collection);
    checkKey(key);
    const rows = await this.rows('select value from {state} where collection = $1 and key = $2', [
      collection,
      key,
    ]);
    return rows[0]?.[0];
  }

  async getMany(collection: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    checkCollection(collection);
    keys.forEach(checkKey);
    const sql = 'select key, value from {state} where collection = $1 and key = any($2::text[])';
    return new Map((await this.rows(sql, [collection, textArray(keys)])) as [string, string][]);
  }

  async list(collection: string, query?: StateQuery): Promise<readonly StateEntry[]> {
    checkCollection(collection);
    const { prefix, after, upTo, backwards, limit } = resolveStateQuery(query);
    const bounds: readonly [condition: string, value: string | undefined][] = [
      ['key >', after],
      ['key >=', prefix],
      ['key <', afterPrefix(prefix)],
      ['key <=', upTo],
    ];
    const given = bounds.filter((bound): bound is [string, string] => bound[1] !== undefined);
    const where = given.map(([condition], i) => ` and ${condition} $${i + 3}`).join('');
    const sql = `select key, value from {state} where collection = $1${where} order by key ${backwards ? 'desc' : 'asc'} limit $2`;
    const rows = await this.rows(sql, [collection, limit, ...given.map(([, value]) => value)]);
    return rows.map(([key, value]) => ({ key: key!, value: value! }));
  }

  async count(collection: string): Promise<number> {
    checkCollection(collection);
    return Number(
      (await this.rows('select count(*) from {state} where collection = $1', [collection]))[0]![0],
    );
  }

  protected rows(sql: string, values: readonly Value[]): Promise<string[][]> {
    const { isRunning, name, run, schema } = this.scope;
    if (!isRunning()) throw new StoreClosed(name);
    return run<string[]>({ text: sql.replaceAll('{state}', () => `${schema}.state`), values });
  }
}

/** Reading and writing state in a transaction that is open. */
export class PostgresStateDraft extends PostgresStateView implements StateTransaction {
  async put(collection: string, key: string, value: string): Promise<void> {
    return this.putMany(collection, [{ key, value }]);
  }

  async putMany(collection: string, entries: readonly StateEntry[]): Promise<void> {
    checkCollection(collection);
    entries.forEach(checkEntry);
    // One statement may touch a row once: the last of several values for one key counts.
    const last = new Map(entries.map(({ key, value }) => [key, value]));
    const sql = `insert into {state} (collection, key, value) select $1, * from unnest($2::text[], $3::text[])
      on conflict (collection, key) do update set value = excluded.value`;
    await this.rows(sql, [collection, textArray([...last.keys()]), textArray([...last.values()])]);
  }

  async delete(collection: string, key: string): Promise<void> {
    return this.deleteMany(collection, [key]);
  }

  async deleteMany(collection: string, keys: readonly string[]): Promise<void> {
    checkCollection(collection);
    keys.forEach(checkKey);
    await this.rows('delete from {state} where collection = $1 and key = any($2::text[])', [
      collection,
      textArray(keys),
    ]);
  }

  async clear(collection: string): Promise<void> {
    checkCollection(collection);
    await this.rows('delete from {state} where collection = $1', [collection]);
  }
}
