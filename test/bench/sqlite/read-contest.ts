import path from 'node:path';
import type { OpenStorage } from '@backstory/core';
import { sqlite } from '@backstory/sqlite';
import { stamped } from '../payload.js';
import type { Contest, Setting } from '../row.js';
import { SETTINGS, bareDatabase, eventsTable, type BareDatabase } from './bare-database.js';

/** A log that both sides read: one file, one connection each. */
export interface ReadContest extends Pick<Contest, 'ddl' | 'close'> {
  readonly storage: OpenStorage;
  readonly bare: BareDatabase;
  /** The columns that the store reads of an event. */
  readonly columns: string;
  /** Of data, in all. */
  readonly bytes: number;
}

/** Streams written with one append. */
const AT_ONCE = 1_000;

/** Fills `account-0`, `account-1` … with events each, ten of a stream at a time, so that the streams lie scattered. */
export async function readContest(
  { driver, folder }: Setting,
  { streams, length }: { readonly streams: number; readonly length: number },
): Promise<ReadContest> {
  const file = path.join(folder, 'log.db');
  const storage = await sqlite(file, { driver }).open();
  let bytes = 0;
  for (let after = 0; after < length; after += 10)
    for (let first = 0; first < streams; first += AT_ONCE) {
      const writes = Array.from({ length: Math.min(AT_ONCE, streams - first) }, (_, i) => {
        const events = stamped(after, 10);
        for (const { data } of events) bytes += data.length;
        return { stream: `account-${first + i}`, expected: after, events };
      });
      await storage.events.append(writes);
    }
  const bare = bareDatabase(driver, file);
  return {
    storage,
    bare,
    columns: 'position, stream, version, append_index, id, type, schema_version, data, metadata, recorded_at',
    bytes,
    ddl: SETTINGS + eventsTable(bare),
    async close() {
      bare.close();
      await storage.close();
    },
  };
}
