import { createHash, type Hash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { SqlRow, SqlSession } from '@backstory/core/state';
import { exactSql, type ExactSql } from './exact-sql.js';
import { quoted, tableName, type TableShape, type TableShapes } from './table-shape.js';

/** The same tables of two generations of a projection. */
export interface TwoGenerations {
  readonly name: string;
  readonly live: number;
  readonly other: number;
  readonly tables: TableShapes;
  /** Differences to list. */
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

/** How two generations differ, row by row. */
export interface TableComparison {
  readonly hashes: readonly [live: string, other: string];
  /** Rows that are in one of them at least. */
  readonly rows: number;
  readonly different: number;
  readonly differences: readonly RowDifference[];
}

/** A row that is not the same in both, the first of its columns that differs, and the two values; no column where it is in one alone. */
export interface RowDifference {
  /** The table and the row's key: `days 2026-11-28`. */
  readonly key: string;
  readonly path: string;
  readonly live: unknown;
  readonly other: unknown;
}

/** Compares every table of two generations by key, in the database. @throws the signal's reason */
export async function compareTables(sql: SqlSession, both: TwoGenerations): Promise<TableComparison> {
  const { name, live, other, tables, limit, signal } = both;
  const hashes = [createHash('sha256'), createHash('sha256')] as const;
  const differences: RowDifference[] = [];
  let [rows, different] = [0, 0];
  for (const [called, shape] of Object.entries(tables)) {
    const [a, b] = [live, other].map((generation) => sql.table(tableName(name, generation, called)));
    await hashRows(sql, hashes[0], { called, shape, table: a!, signal });
    await hashRows(sql, hashes[1], { called, shape, table: b!, signal });
    const pair = new TablePair(sql, shape, [a!, b!]);
    const counted = await pair.counted();
    rows += counted.rows;
    different += counted.different;
    for (const it of await pair.differences(Math.min(counted.different, limit - differences.length)))
      differences.push({ ...it, key: `${called} ${it.key}` });
  }
  const [x, y] = hashes.map((it) => it.digest('hex'));
  return { hashes: [x!, y!], rows, different, differences };
}

/** Hashes all rows of a generation's tables, in the order of their keys. */
export async function hashTables(
  sql: SqlSession,
  {
    name,
    generation,
    tables,
  }: { readonly name: string; readonly generation: number; readonly tables: TableShapes },
): Promise<{ readonly hash: string; readonly rows: number }> {
  const hash = createHash('sha256');
  let rows = 0;
  for (const [called, shape] of Object.entries(tables))
    rows += await hashRows(sql, hash, {
      called,
      shape,
      table: sql.table(tableName(name, generation, called)),
      signal: undefined,
    });
  return { hash: hash.digest('hex'), rows };
}

interface Hashed {
  readonly called: string;
  readonly shape: TableShape;
  readonly table: string;
  readonly signal: AbortSignal | undefined;
}

/** Pages by key, so that however large a table is a page of it is in memory. */
async function hashRows(
  sql: SqlSession,
  hash: Hash,
  { called, shape, table, signal }: Hashed,
): Promise<number> {
  const exact = exactSql(sql);
  const of = (column: string) => `t.${quoted(column)}`;
  const key = shape.key.map(of);
  const texts = Object.keys(shape.columns).map((it, i) => `${exact.text(of(it))} as "c${i}"`);
  const places = key.map((it, i) => `${exact.place(it)} as "k${i}"`);
  const all = `select ${[...texts, ...places].join(', ')} from ${table} t`;
  const order = ` order by ${key.join(', ')} limit ${PAGE}`;
  let rows = 0;
  let last: readonly string[] | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const statement = last ? exact.after(all, key, last, order) : { texts: [all + order], values: [] };
    const page = await sql.run(statement);
    for (const row of page) hash.update(`${called}\0${JSON.stringify(texts.map((_, i) => row[`c${i}`]))}\n`);
    rows += page.length;
    if (page.length < PAGE) return rows;
    last = key.map((_, i) => page.at(-1)![`k${i}`] as string);
    // A driver that answers at once gives nobody else a turn.
    await turn();
  }
}

/** A whole number that JSON has none for as its text. */
function told(value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** One table of two generations, joined by its key. */
class TablePair {
  private readonly columns: readonly string[];
  private readonly joined: string;
  /** By column. */
  private readonly unequal: readonly string[];
  private readonly differs: string;
  private readonly exact: ExactSql;

  constructor(
    private readonly sql: SqlSession,
    private readonly shape: TableShape,
    [a, b]: readonly [string, string],
  ) {
    this.columns = Object.keys(shape.columns);
    const on = shape.key.map((it) => `a.${quoted(it)} = b.${quoted(it)}`).join(' and ');
    this.joined = `from ${a} a full join ${b} b on ${on}`;
    this.exact = exactSql(sql);
    this.unequal = this.columns.map((it) => this.exact.differ(`a.${quoted(it)}`, `b.${quoted(it)}`));
    this.differs = this.unequal.join(' or ');
  }

  async counted(): Promise<{ readonly rows: number; readonly different: number }> {
    const text = `select count(*) as "rows", sum(case when ${this.differs} then 1 else 0 end) as "different" ${this.joined}`;
    const [row] = await this.sql.run({ texts: [text], values: [] });
    return { rows: Number(row!['rows']), different: Number(row!['different'] ?? 0) };
  }

  async differences(limit: number): Promise<readonly RowDifference[]> {
    if (limit <= 0) return [];
    const { sql, shape, columns, exact, unequal } = this;
    const listed = columns.flatMap((it, i) => [
      ...['a', 'b'].map((of) => `${exact.shown(`${of}.${quoted(it)}`)} as "${of}${i}"`),
      `case when ${unequal[i]} then 1 else 0 end as "differs${i}"`,
    ]);
    const order = shape.key.map((it) => `coalesce(a.${quoted(it)}, b.${quoted(it)})`).join(', ');
    const text = `select ${listed.join(', ')} ${this.joined} where ${this.differs} order by ${order} limit ${limit}`;
    return (await sql.run({ texts: [text], values: [] })).map((row) => this.difference(row));
  }

  private difference(row: SqlRow): RowDifference {
    const { columns, shape } = this;
    const at = (side: 'a' | 'b', column: string) => told(row[`${side}${columns.indexOf(column)}`]);
    const values = (side: 'a' | 'b') => shape.key.map((column) => at(side, column));
    const isIn = (side: 'a' | 'b') => !values(side).includes(null);
    const whole = (side: 'a' | 'b') =>
      isIn(side) ? Object.fromEntries(columns.map((column) => [column, at(side, column)])) : undefined;
    const key = values(isIn('a') ? 'a' : 'b').join(', ');
    // What is shown of the two may be the same.
    const path = isIn('a') && isIn('b') ? columns.find((_, i) => row[`differs${i}`] === 1) : undefined;
    if (path === undefined) return { key, path: '', live: whole('a'), other: whole('b') };
    return { key, path, live: at('a', path), other: at('b', path) };
  }
}

const PAGE = 1_000;
