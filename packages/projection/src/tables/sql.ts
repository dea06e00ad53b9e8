import type { SqlRow, SqlSession, SqlStatement, SqlValue } from '@backstory/core/state';
import { tableName, type TablesOf } from './table-shape.js';

/**
 * Runs a statement, with every value as a parameter and every table by its name in this generation:
 *
 * ```ts
 * await sql`insert into ${days} as d (day, amount) values (${day}, ${amount})
 *   on conflict (day) do update set amount = d.amount + excluded.amount`;
 * ```
 *
 * @throws StatementFailed
 */
export type Sql = <Row extends object = SqlRow>(
  texts: TemplateStringsArray,
  ...values: readonly (SqlValue | TableName)[]
) => Promise<readonly Row[]>;

/** A table of one generation, to be put into a statement. */
export class TableName {
  constructor(private readonly written: string) {}

  toString(): string {
    return this.written;
  }
}

/** What statements are made of: `sql`, and each table under the name that the projection gives it. */
export type Tables<Names extends string> = { readonly sql: Sql } & Readonly<Record<Names, TableName>>;

/** The tables of a generation, in a transaction or a read that is open. */
export function tablesIn(session: SqlSession, of: TablesOf): Tables<never> {
  const names = Object.keys(of.tables).map((called) => {
    const written = session.table(tableName(of.name, of.generation, called));
    return [called, new TableName(written)] as const;
  });
  const sql = (texts: TemplateStringsArray, ...values: readonly (SqlValue | TableName)[]) =>
    session.run(statement(texts, values));
  return Object.freeze({ ...Object.fromEntries(names), sql: sql as Sql });
}

function statement(texts: readonly string[], values: readonly (SqlValue | TableName)[]): SqlStatement {
  const parts = [texts[0]!];
  const bound: SqlValue[] = [];
  for (const [i, value] of values.entries()) {
    const next = texts[i + 1]!;
    if (value instanceof TableName) parts.push(`${parts.pop()!}${value.toString()}${next}`);
    else {
      bound.push(value);
      parts.push(next);
    }
  }
  return { texts: parts, values: bound };
}
