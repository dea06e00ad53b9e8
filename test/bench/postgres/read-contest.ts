import type { OpenStorage } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import type { Client } from 'pg';
import { stamped } from '../payload.js';
import type { Contest, Setting } from '../row.js';
import { bareDatabase, eventsTable } from './bare-database.js';

/** A log that both sides read: one database, a connection each. */
export interface ReadContest extends Pick<Contest, 'ddl' | 'close'> {
  readonly storage: OpenStorage;
  readonly bare: Client;
  readonly url: string;
  /** The columns that the store reads of an event. */
  readonly columns: string;
  /** Of data, in all. */
  readonly bytes: number;
}

/** Streams that one append writes to. */
const APPENDED = 500;

/** Fills `account-0`, `account-1` … with events each, ten of a stream at a time, so that the streams lie scattered. */
export async function readContest(
  setting: Setting,
  { streams, length }: { readonly streams: number; readonly length: number },
): Promise<ReadContest> {
  const { url, client } = await bareDatabase(await setting.server());
  const storage = await postgres(url).open();
  let bytes = 0;
  for (let after = 0; after < length; after += 10) {
    for (let first = 0; first < streams; first += APPENDED) {
      const writes = Array.from({ length: Math.min(APPENDED, streams - first) }, (_, i) => {
        const events = stamped(after, 10);
        for (const { data } of events) bytes += data.length;
        return { stream: `account-${first + i}`, expected: after, events };
      });
      await storage.events.append(writes);
    }
  }
  // What autovacuum would do sooner or later, in the middle of a round.
  await client.query('vacuum analyze events');
  return {
    storage,
    bare: client,
    url,
    columns: 'position, stream, version, append_index, id, type, schema_version, data, metadata, recorded_at',
    bytes,
    ddl: await eventsTable(client),
    async close() {
      await storage.close();
      await client.end();
    },
  };
}
