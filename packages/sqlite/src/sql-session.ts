import { StoreClosed } from '@backstory/core/store';
import {
  StatementFailed,
  checkedSql,
  type SqlRow,
  type SqlSession,
  type SqlStatement,
  type SqlValue,
} from '@backstory/core/state';
import { isReadOnly, storeError } from './failures.js';
import { SqliteFailure, type BoundValue } from './driver.js';
import type { StateScope } from './state-scope.js';

/** Statements of others' on the connection of a transaction or a read. */
export class SqliteSql implements SqlSession {
  readonly dialect = 'sqlite';

  constructor(private readonly scope: StateScope) {}

  table(name: string): string {
    return `"${name.replaceAll('"', '""')}"`;
  }

  async run(statement: SqlStatement): Promise<readonly SqlRow[]> {
    const { isRunning, isReading, name, session } = this.scope;
    const text = checkedSql(statement, () => '?');
    if (!isRunning()) throw new StoreClosed(name);
    try {
      return session.objects(text, statement.values.map(bound));
    } catch (error) {
      // Of the statement as well: the file may be written to, and advice about it would mislead.
      if (isReading && isReadOnly(error))
        throw new StatementFailed(text, 'it would write, and a read is read-only', { cause: error });
      // A constraint, a table that is not there, a misspelt word: what SQLite says of the statement and not of the file.
      if (error instanceof SqliteFailure && storeError(error, name) === error)
        throw new StatementFailed(text, error.message, { cause: error });
      throw error;
    }
  }
}

/** Whole numbers as such, as PostgreSQL takes them: otherwise 7 is 7.0, as text and where it is divided. */
function bound(value: SqlValue): BoundValue {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (Number.isSafeInteger(value)) return BigInt(value as number);
  return value instanceof Date ? value.toISOString() : value;
}
