import type { DriverName } from '@backstory/sqlite';
import { bareDatabase } from '../bench/sqlite/bare-database';

/** Changes the file of a SQLite store as somebody would who may do anything with it: the triggers that refuse that are gone afterwards. */
export function behindItsBack(file: string, sql: string, driver: DriverName = 'libsql'): void {
  const database = bareDatabase(driver, file);
  for (const trigger of ['events_never_change', 'events_never_go', 'events_only_grow'])
    database.exec(`DROP TRIGGER IF EXISTS ${trigger}`);
  database.exec(sql);
  database.close();
}
