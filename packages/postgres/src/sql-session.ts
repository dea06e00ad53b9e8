import { StoreClosed } from '@backstory/core/store';
import {
  StatementFailed,
  checkedSql,
  type SqlRow,
  type SqlSession,
  type SqlStatement,
} from '@backstory/core/state';
import { escapeIdentifier, types, type CustomTypesConfig, type QueryConfig } from 'pg';
import { isTransient } from './failures.js';
import type { StateScope } from './state-scope.js';

/** Statements of others' on the connection of a transaction or a read. */
export class PostgresSql implements SqlSession {
  readonly dialect = 'postgres';
  private planning: Promise<unknown> | undefined;

  constructor(private readonly scope: StateScope) {}

  table(name: string): string {
    return `${this.scope.schema}.${escapeIdentifier(name)}`;
  }

  async run(statement: SqlStatement): Promise<readonly SqlRow[]> {
    const { isRunning, name, run, client } = this.scope;
    const text = checkedSql(statement, (n) => `$${n}`);
    if (!isRunning()) throw new StoreClosed(name);
    // The store's own statements are planned without scans, which are right for tables of others'.
    this.planning ??= run({ text: 'set local enable_seqscan = on; set local enable_bitmapscan = on' });
    const query: QueryConfig & { readonly queryMode: 'extended' } = {
      text,
      values: [...statement.values],
      types: TYPES,
      queryMode: 'extended',
    };
    try {
      const [, { rows }] = await Promise.all([this.planning, client.query<SqlRow>(query)]);
      return rows;
    } catch (error) {
      if (isTransient(error)) throw error;
      throw new StatementFailed(text, (error as Error).message, { cause: error });
    }
  }
}

const [INT8, DATE, TIMESTAMP] = [20, 1082, 1114];

/** As the driver reads them, but for what it would give as texts for no need, or at midnight of wherever it runs. */
const TYPES: CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (oid === INT8) return wholeNumber;
    if (oid === DATE || oid === TIMESTAMP) return (text: string) => text;
    return types.getTypeParser(oid, format) as unknown;
  }) as CustomTypesConfig['getTypeParser'],
};

function wholeNumber(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}
