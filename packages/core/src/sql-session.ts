import { StatementFailed } from './errors.js';

/**
 * SQL in the database of a state store, as part of the transaction or the read that it was taken from: it commits, is rolled
 * back and sees with it. Transactions are begun and ended by the store alone.
 */
export interface SqlSession {
  readonly dialect: 'postgres' | 'sqlite';
  /** A table beside the store's own, as statements write it: quoted, with its schema where there are schemas. */
  table(name: string): string;
  /**
   * Runs one statement, and gives its rows by the names of their columns; those of one that gives no rows are none.
   *
   * @throws StatementFailed where the statement is to blame; StoreClosed after the work it belongs to
   */
  run(statement: SqlStatement): Promise<readonly SqlRow[]>;
}

/** A statement in pieces, with a parameter between each two: the store writes its own placeholders. */
export interface SqlStatement {
  readonly texts: readonly string[];
  readonly values: readonly SqlValue[];
}

/** What a parameter may be: a `bigint` of 64 bits. In SQLite a boolean is 0 or 1, and a date its ISO 8601 text. */
export type SqlValue = string | number | bigint | boolean | Date | null;

/** A row by the names of its columns, of types as the database's driver gives them; whole numbers are numbers up to 2^53, and `bigint` beyond. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Gives the text with the store's own placeholders. @throws StatementFailed for what no store may run inside its transaction */
export function checkedSql({ texts, values }: SqlStatement, placeholder: (n: number) => string): string {
  const text = texts.reduce((sql, piece, i) => `${sql}${placeholder(i)}${piece}`);
  const refuse = (reason: string): never => {
    throw new StatementFailed(text, reason);
  };
  const bare = text.replace(LITERALS, ' ').trim();
  if (bare === '') refuse('it is empty');
  if (/;\s*\S/.test(bare)) refuse('it is more than one: run them one by one');
  const word = /^\w+/.exec(bare)?.[0].toLowerCase() ?? '';
  if (REFUSED.has(word)) refuse(`${word} is not for those who work inside a transaction of the store`);
  for (const value of values) if (!isSqlValue(value)) refuse(`it cannot be given ${String(value)}`);
  return text;
}

/** Texts, names, comments and dollar quotes, in which nothing counts as SQL. */
const LITERALS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[^]*?\*\/|\$(\w*)\$[^]*?\$\1\$/g;

/** What begins, ends or changes the transaction or the connection. */
const REFUSED: ReadonlySet<string> = new Set(
  (
    'begin start commit end rollback abort savepoint release prepare execute deallocate set reset discard ' +
    'attach detach pragma vacuum listen unlisten copy'
  ).split(' '),
);

function isSqlValue(value: unknown): value is SqlValue {
  if (value === null || typeof value === 'boolean') return true;
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0');
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value;
  return value instanceof Date && !Number.isNaN(value.getTime());
}
