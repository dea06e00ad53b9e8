import type { ClientBase, QueryArrayConfig, QueryArrayResult, QueryConfig } from 'pg';

/** A statement and the values of its parameters; without values it may be several statements, in one message. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly Value[];
}

export type Value = string | number | Buffer | readonly string[] | readonly number[] | null;

/** Runs a statement and gives its rows. Every value of a row is text as PostgreSQL writes it, or null. */
export type Run = <Row extends readonly unknown[]>(statement: Statement) => Promise<Row[]>;

/** What runs statements on a connection. */
export type Queries = Pick<ClientBase, 'query'>;

/** One statement after another, however many come at once: the driver will refuse one that comes while another is under way. */
export function inTurn(client: ClientBase): Queries {
  let last: Promise<unknown> = Promise.resolve();
  const query = (config: QueryConfig) => {
    const own = last.then(() => client.query(config));
    last = own.catch(() => undefined);
    return own;
  };
  return { query: query as Queries['query'] };
}

/** A connection whose statements are prepared once each, unless a proxy shares it among clients. */
export function sessionOn(client: Queries, { prepare }: { readonly prepare: boolean }): Run {
  return async <Row extends readonly unknown[]>({ text, values }: Statement) => {
    const query: QueryArrayConfig = { text, rowMode: 'array', types: AS_TEXT };
    if (values !== undefined) Object.assign(query, { values, ...(prepare && { name: nameOf(text) }) });
    // Several statements have several results, of which the types of the driver know nothing.
    const result = (await client.query(query)) as QueryArrayResult | readonly QueryArrayResult[];
    const last = Array.isArray(result)
      ? (result as readonly QueryArrayResult[]).at(-1)!
      : (result as QueryArrayResult);
    return last.rows as unknown[] as Row[];
  };
}

const AS_TEXT = { getTypeParser: () => (value: string) => value } as unknown as NonNullable<
  QueryArrayConfig['types']
>;

/** Texts are few: each is written in this package, and varies by schema and filter only. */
const names = new Map<string, string>();

function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) names.set(text, (name = `backstory_${names.size + 1}`));
  return name;
}
