import { createHash, type Hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { SqlRow, SqlSession, SqlValue } from '@backstory/core/state';
import { quoted, tableName, type TableShape, type TableShapes } from './table-shape.js';

/** The same tables of two generations of a projection. */
export interface TwoGenerations {
  readonly name: string;
  readonly live: number;
  readonly other: number;
  readonly tables: TableShapes;
  /** Differences to list. */
  readonly limit: number;
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

/** Compares every table of two generations by key, in the database. */
export async function compareTables(sql: SqlSession, both: TwoGenerations): Promise<TableComparison> {
  const { name, live, other, tables, limit } = both;
  const hashes = [createHash('sha256'), createHash('sha256')] as const;
  const differences: RowDifference[] = [];
  let [rows, different] = [0, 0];
  for (const [called, shape] of Object.entries(tables)) {
    const [a, b] = [live, other].map((generation) => sql.table(tableName(name, generation, called)));
    await hashRows(sql, hashes[0], { called, shape, table: a! });
    await hashRows(sql, hashes[1], { called, shape, table: b! });
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
    });
  return { hash: hash.digest('hex'), rows };
}

interface Hashed {
  readonly called: string;
  readonly shape: TableShape;
  readonly table: string;
}

/** Pages by key, so that however large a table is a page of it is in memory. */
async function hashRows(sql: SqlSession, hash: Hash, { called, shape, table }: Hashed): Promise<number> {
  const columns = Object.keys(shape.columns);
  const key = shape.key.map((column) => `t.${quoted(column)}`).join(', ');
  const all = columns.map((column) => `${exact(sql, 't', column)} as ${quoted(column)}`).join(', ');
  let rows = 0;
  let last: readonly SqlValue[] = [];
  for (;;) {
    const from = `select ${all} from ${table} t`;
    const order = ` order by ${key} limit ${PAGE}`;
    const after = last.map((_, i) => (i === 0 ? `${from} where (${key}) > (` : ', '));
    const texts = last.length === 0 ? [from + order] : [...after, `)${order}`];
    const page = await sql.run({ texts, values: last });
    for (const row of page) hash.update(`${called}\0${JSON.stringify(columns.map((it) => told(row[it])))}\n`);
    rows += page.length;
    if (page.length < PAGE) return rows;
    last = shape.key.map((column) => page.at(-1)![column] as SqlValue);
  }
}

/**
 * A column as it is to be compared: as its exact text where the driver would give it as something less exact, or without equality;
 * and whatever its collation takes for the same.
 */
function exact({ dialect }: SqlSession, of: string, column: string): string {
  const name = `${of}.${quoted(column)}`;
  return dialect === 'postgres' ? `${name}::text collate "C"` : `${name} collate binary`;
}

/** A whole number that JSON has none for as its text. */
function told(value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** One table of two generations, joined by its key. */
class TablePair {
  private readonly columns: readonly string[];
  private readonly joined: string;
  private readonly differs: string;

  constructor(
    private readonly sql: SqlSession,
    private readonly shape: TableShape,
    [a, b]: readonly [string, string],
  ) {
    this.columns = Object.keys(shape.columns);
    const on = shape.key.map((it) => `a.${quoted(it)} = b.${quoted(it)}`).join(' and ');
    this.joined = `from ${a} a full join ${b} b on ${on}`;
    const unequal = this.columns.map(
      (it) => `${exact(sql, 'a', it)} is distinct from ${exact(sql, 'b', it)}`,
    );
    this.differs = unequal.join(' or ');
  }

  async counted(): Promise<{ readonly rows: number; readonly different: number }> {
    const text = `select count(*) as "rows", sum(case when ${this.differs} then 1 else 0 end) as "different" ${this.joined}`;
    const [row] = await this.sql.run({ texts: [text], values: [] });
    return { rows: Number(row!['rows']), different: Number(row!['different'] ?? 0) };
  }

  async differences(limit: number): Promise<readonly RowDifference[]> {
    if (limit <= 0) return [];
    const { sql, shape, columns } = this;
    const listed = columns.flatMap((it, i) => [
      `${exact(sql, 'a', it)} as "a${i}"`,
      `${exact(sql, 'b', it)} as "b${i}"`,
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
    const path =
      isIn('a') && isIn('b') ? columns.find((it) => !isDeepStrictEqual(at('a', it), at('b', it))) : undefined;
    if (path === undefined) return { key, path: '', live: whole('a'), other: whole('b') };
    return { key, path, live: at('a', path), other: at('b', path) };
  }
}

const PAGE = 1_000;
