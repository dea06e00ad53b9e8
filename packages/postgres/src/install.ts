import { StoreUnusable } from '@backstory/core';
import type { Database } from './database.js';
import { MIGRATIONS, installed, migrate, type Installed, type SchemaMigration } from './migrations.js';

/**
 * Makes sure that this release can use what is in the schema, making it where it is missing; one process does, the others wait
 * for it. What an older release made is not moved on in passing: that is `migrate`'s.
 *
 * @throws StoreUnusable where the schema is missing and may not be made, is of another release or of something else
 */
export async function install(
  database: Database,
  { create, steps = MIGRATIONS }: { readonly create: boolean; readonly steps?: readonly SchemaMigration[] },
): Promise<void> {
  await database.direct(async (run) => {
    let found = await installed(run, database);
    if (!found && create) {
      await migrate(run, database, steps);
      found = await installed(run, database);
    }
    checkUsable(found, database, steps.at(-1)!.version);
  });
}

function checkUsable(found: Installed | undefined, { schema, store }: Database, wanted: number): void {
  if (!found) {
    const message = `there is no schema ${schema} in the database. Make it with backstory store init, or open it for writing once.`;
    throw new StoreUnusable(store, 'missing', message);
  }
  if (found.version < wanted) {
    const message = `an older release made the schema (version ${found.version}, this release needs ${wanted}): run backstory store migrate.`;
    throw new StoreUnusable(store, 'older-schema', message);
  }
  refuseNewer(found, { store }, wanted);
}

/** @throws StoreUnusable where a newer release has moved the schema beyond what this one knows */
export function refuseNewer(found: Installed, { store }: { readonly store: string }, wanted: number): void {
  if (found.usableFrom > wanted) {
    const message = `a newer release moved the schema on (version ${found.version}, usable from ${found.usableFrom}; this release knows ${wanted}): update.`;
    throw new StoreUnusable(store, 'newer-schema', message);
  }
}
