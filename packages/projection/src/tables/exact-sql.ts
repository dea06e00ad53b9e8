import type { SqlSession, SqlStatement } from '@backstory/core/state';

/** SQL for what a column holds exactly, where the driver or a collation would take two things for one. */
export interface ExactSql {
  /** Whether two columns hold something else. */
  differ(a: string, b: string): string;
  /** All that a column holds, as a text. */
  text(column: string): string;
  /** What people are shown of it. */
  shown(column: string): string;
  /** What `after` takes to go on behind a row. */
  place(column: string): string;
  /** The statement, for rows behind one. */
  after(statement: string, columns: readonly string[], places: readonly string[], rest: string): SqlStatement;
}

export function exactSql({ dialect }: Pick<SqlSession, 'dialect'>): ExactSql {
  return dialect === 'postgres' ? POSTGRES : SQLITE;
}

const asText = (column: string) => `${column}::text collate "C"`;

/** Texts say all. */
const POSTGRES: ExactSql = {
  differ: (a, b) => `${asText(a)} is distinct from ${asText(b)}`,
  text: asText,
  shown: asText,
  place: asText,
  after: (statement, columns, places, rest) => {
    const texts = places.map((_, i) => (i === 0 ? `${statement} where (${columns.join(', ')}) > (` : ', '));
    return { texts: [...texts, `)${rest}`], values: places };
  },
};

const isNul = (column: string) => `typeof(${column}) = 'text' and instr(${column}, char(0)) > 0`;
const isEndless = (column: string) => `typeof(${column}) = 'real' and abs(${column}) > ${Number.MAX_VALUE}`;
/** As an infinity is; a driver gives it as it does an integer. */
const isWholeReal = (column: string) => `typeof(${column}) = 'real' and ${column} = round(${column})`;
/** Of anything but a text; releases of SQLite quote an infinity each in its own way. */
const plainly = (column: string) =>
  `case when ${isEndless(column)} then iif(${column} > 0, '9e999', '-9e999') else quote(${column}) end`;
const literal = (column: string) =>
  `case typeof(${column}) when 'text' then 'cast(x''' || hex(${column}) || ''' as text)' else ${plainly(column)} end`;

/**
 * A driver gives a text up to its first NUL, bytes as an object, and numbers beyond all as ones that JSON has not; a text with a NUL is no
 * parameter. As literals all are exact.
 */
const SQLITE: ExactSql = {
  differ: (a, b) =>
    `(${a} collate binary is distinct from ${b} collate binary or typeof(${a}) <> typeof(${b}))`,
  text: (it) =>
    `case when ${isNul(it)} then 'T' || hex(${it}) when typeof(${it}) = 'text' then 't' || ${it} else ${plainly(it)} end`,
  shown: (it) =>
    `case when ${isNul(it)} or typeof(${it}) = 'blob' or ${isWholeReal(it)} then ${literal(it)} else ${it} end`,
  place: literal,
  after: (statement, columns, places, rest) => ({
    texts: [`${statement} where (${columns.join(', ')}) > (${places.join(', ')})${rest}`],
    values: [],
  }),
};
