import { StoreClosed } from '@backstory/core/store';
import {
  StatementFailed,
  checkedSql,
  type SqlRow,
  type SqlSession,
  type SqlStatement,
  type SqlValue,
} from '@backstory/core/state';
import { storeError } from './failures.js';
import { SqliteFailure, type Value } from './driver.js';
import type { StateScope } from './state-scope.js';

/** Statements of others' on the connection of a transaction or a read. */
export class SqliteSql implements SqlSession {
  readonly dialect = 'sqlite';

  constructor(private readonly scope: StateScope) {}

  table(name: string): string {
    return `"${name.replaceAll('"', '""')}"`;
  }

  async run(statement: SqlStatement): Promise<readonly SqlRow[]> {
    const { isRunning, name, session } = this.scope;
    const text = checkedSql(statement, () => '?');
    if (!isRunning()) throw new StoreClosed(name);
    try {
      return session.objects(text, statement.values.map(bound));
    } catch (error) {
      // A constraint, a table that is not there, a misspelt word: what SQLite says of the statement and not of the file.
      if (error instanceof SqliteFailure && storeError(error, name) === error)
        throw new StatementFailed(text, error.message, { cause: error });
      throw error;
    }
  }
}

function bound(value: SqlValue): Value {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value instanceof Date ? value.toISOString() : value;
}
