import { StatementFailed, type SqlSession, shown } from '@backstory/core/state';
import { InvalidDefinition } from '@backstory/events';
import { TablesNotMade } from '../errors.js';

/**
 * A table as each generation of a projection has one of its own.
 *
 * ```ts
 * const tables = { days: { columns: { day: 'text', amount: 'bigint not null' }, key: ['day'] } };
 * ```
 */
export interface TableShape {
  /** By the names of the columns, their types and constraints as the database writes them. */
  readonly columns: Readonly<Record<string, string>>;
  /** The columns of the primary key. Generations are compared by it. */
  readonly key: readonly string[];
  /** The columns of each index besides. */
  readonly indexes?: readonly (readonly string[])[];
}

/** Tables by what the projection calls them. */
export type TableShapes = Readonly<Record<string, TableShape>>;

/** Which projection's tables are meant, and of which of its generations. */
export interface TablesOf {
  readonly name: string;
  readonly generation: number;
  readonly tables: TableShapes;
}

/** What a table of a generation is called: `turnover.2.days`. */
export function tableName(projection: string, generation: number, table: string): string {
  return `${projection}.${generation}.${table}`;
}

/** What the view of a table is called, whichever generation is read: `turnover.days`. */
export function viewName(projection: string, table: string): string {
  return `${projection}.${table}`;
}

/** Makes the tables of a new generation. @throws TablesNotMade */
export async function createTables(sql: SqlSession, { name, generation, tables }: TablesOf): Promise<void> {
  for (const [called, shape] of Object.entries(tables))
    await making(name, `table ${called}`, () => createTable(sql, tableName(name, generation, called), shape));
}

async function createTable(
  sql: SqlSession,
  own: string,
  { columns, key, indexes = [] }: TableShape,
): Promise<void> {
  const table = sql.table(own);
  const lines = Object.entries(columns).map(([column, type]) => `${quoted(column)} ${type}`);
  // SQLite alone lets a key be null.
  const keys = key.map((column) => `check (${quoted(column)} is not null)`);
  const all = [...lines, ...keys, `primary key (${list(key)})`].join(', ');
  await sql.run({ texts: [`create table ${table} (${all})`], values: [] });
  for (const [i, of] of indexes.entries()) {
    const text = `create index ${quoted(`${own}.${i + 1}`)} on ${table} (${list(of)})`;
    await sql.run({ texts: [text], values: [] });
  }
}

/** Statements that make something of a projection. @throws TablesNotMade where the database refuses one */
export async function making(
  projection: string,
  what: string,
  statements: () => Promise<void>,
): Promise<void> {
  try {
    await statements();
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    throw new TablesNotMade(projection, what, error.message, { cause: error });
  }
}

export async function dropTables(sql: SqlSession, { name, generation, tables }: TablesOf): Promise<void> {
  for (const called of Object.keys(tables)) {
    const table = sql.table(tableName(name, generation, called));
    await sql.run({ texts: [`drop table if exists ${table}`], values: [] });
  }
}

/** @throws InvalidDefinition */
export function checkTables(subject: string, name: string, tables: unknown): TableShapes {
  const refuse = (problem: string): never => {
    throw new InvalidDefinition(subject, problem);
  };
  const shapes = Object.entries((tables ?? {}) as TableShapes);
  if (/\.\d+$/.test(name)) refuse('has a name that ends like that of a generation: leave the figures away.');
  if (shapes.length === 0) refuse("needs tables: { days: { columns: { day: 'text' }, key: ['day'] } }.");
  for (const [called, shape] of shapes) {
    if (!isWord(called) || RESERVED.includes(called))
      refuse(
        `cannot call a table ${called}: use small letters, figures and _, and none of ${RESERVED.join(', ')}.`,
      );
    // 63 bytes has a name in PostgreSQL, a generation and an index their figures.
    if (Buffer.byteLength(name) + called.length > LONGEST)
      refuse(
        `has, with its table ${called}, more than ${LONGEST} bytes of names: a database cuts longer ones.`,
      );
    const strangeOption = Object.keys(shape ?? {}).find((it) => !SHAPE.includes(it));
    if (strangeOption !== undefined)
      refuse(`has ${strangeOption} in ${called}, which is none of ${SHAPE.join(', ')}.`);
    const columns = Object.keys(shape?.columns ?? {});
    const strange = columns.find((it) => !isWord(it) || typeof shape.columns[it] !== 'string');
    if (columns.length === 0 || strange !== undefined)
      refuse(`has no columns in ${called}, or one that is no name and type: ${strange ?? 'none'}.`);
    const open = columns.find((it) => !isOneColumn(shape.columns[it]!));
    if (open !== undefined)
      refuse(
        `has in ${called} a column ${open} of the type ${shown(shape.columns[open])}: give the type and constraints of one column, such as 'bigint not null', without comments.`,
      );
    const { key, indexes = [] } = shape;
    const lists = [key, ...indexes];
    const isList = (it: unknown) =>
      Array.isArray(it) && it.length > 0 && it.every((of: unknown) => columns.some((own) => own === of));
    if (!lists.every(isList))
      refuse(`has a key or an index of ${called} that is no list of its columns ${columns.join(', ')}.`);
  }
  return tables as TableShapes;
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function list(columns: readonly string[]): string {
  return columns.map(quoted).join(', ');
}

function isWord(name: string): boolean {
  return /^[a-z_][a-z0-9_]*$/.test(name);
}

/** Whether a text is within one column: nothing in it ends the column, or leaves out what follows. */
function isOneColumn(type: string): boolean {
  const bare = type.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, 'x');
  if (bare.trim() === '' || /['"`;\0$\\]|--|\/\*/.test(bare)) return false;
  let depth = 0;
  for (const [sign] of bare.matchAll(/[(),]/g)) {
    if (sign === ',' && depth === 0) return false;
    if (sign !== ',') depth += sign === '(' ? 1 : -1;
    if (depth < 0) return false;
  }
  return depth === 0;
}

const SHAPE = ['columns', 'key', 'indexes'];
/** Beside the views, which generation they show. */
export const GENERATION = 'generation';
/** What a handler or a reader is given beside its tables. */
const RESERVED: readonly string[] = ['sql', 'position', GENERATION];
const LONGEST = 50;
