import { createRequire } from 'node:module';
import path from 'node:path';
import type { Storage } from '@backstory/core';
import { UsageError } from './errors.js';

/**
 * The storage that `--store` names: `sqlite:bank.db`, or the URL of a PostgreSQL database, in which `?schema=ledger` names the
 * schema where it is not the usual one.
 *
 * @throws UsageError
 */
export async function namedStorage(store: string, cwd: string): Promise<Storage> {
  if (/^postgres(ql)?:/.test(store)) return requirePostgres(cwd).postgres(store);
  const file = sqliteFile(store);
  const { sqlite } = await import('@backstory/sqlite');
  return sqlite(path.resolve(cwd, file));
}

/**
 * The file that `--store sqlite:<file>` names.
 *
 * @throws UsageError
 */
export function sqliteFile(store: string): string {
  const [scheme, ...rest] = store.split(':');
  const file = rest.join(':');
  if (scheme === 'sqlite' && file !== '') return file;
  throw new UsageError(
    'invalid-store',
    `--store ${/^\s*[\w.+-]{1,20}:/.exec(store)?.[0] ?? ''}… names no store that this command can open: give sqlite:<file>, e.g. --store sqlite:bank.db, or the URL of a PostgreSQL database.`,
  );
}

type Postgres = { readonly postgres: (url: string) => Storage };

/** The project's own, or one beside this command: who needs only SQLite need not install it. */
function requirePostgres(cwd: string): Postgres {
  for (const from of [path.join(cwd, 'package.json'), __filename]) {
    const require = createRequire(from);
    const found = resolved(require, '@backstory/postgres');
    if (found !== undefined) return require(found) as Postgres;
  }
  throw new UsageError(
    'missing-package',
    '--store with a PostgreSQL URL needs @backstory/postgres: npm install @backstory/postgres.',
  );
}

function resolved(require: NodeJS.Require, name: string): string | undefined {
  try {
    return require.resolve(name);
  } catch {
    return undefined;
  }
}
