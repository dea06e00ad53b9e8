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

/** Fills `account-0`, `account-1` … with events each, ten of a stream at a time, so that the streams lie scattered. */
export async function readContest(
  { driver, folder }: Setting,
  { streams, length }: { readonly streams: number; readonly length: number },
): Promise<ReadContest> {
  const file = path.join(folder, 'log.db');
  const storage = await sqlite(file, { driver }).open();
  let bytes = 0;
  for (let after = 0; after < length; after += 10) {
    const writes = Array.from({ length: streams }, (_, i) => {
      const events = stamped(after, 10);
      for (const { data } of events) bytes += data.length;
      return { stream: `account-${i}`, expected: after, events };
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
