import type { Storage } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import { sqlite } from '@backstory/sqlite';

/** A PostgreSQL database by its URL, else a SQLite file. */
export function storageOf(place: string): Storage {
  return place.startsWith('postgres') ? postgres(place) : sqlite(place);
}
