import { escapeLiteral } from 'pg';

/** An SQL expression: the name of a table of a store. @param schema quoted */
export function tableName(schema: string, table: string): string {
  return escapeLiteral(`${schema}.${table}`);
}

/** A condition on the rows of pg_namespace: they are of the schema that is given, quoted, as the first value. */
export const OF_SCHEMA = `'"' || replace(nspname, '"', '""') || '"' = $1`;
