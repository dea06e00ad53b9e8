import { StoreUnusable } from '@backstory/core';
import type { SqlSession, StateView } from '@backstory/core/state';

/** @throws StoreUnusable where the state store is no database that speaks SQL */
export function requireSql({ sql }: StateView, projection: string): SqlSession {
  if (sql) return sql;
  const message = `projection ${projection} writes tables, and this state store has no SQL: give \`state\` a sqlite(…) or postgres(…).`;
  throw new StoreUnusable('the state store', 'unsupported', message);
}
