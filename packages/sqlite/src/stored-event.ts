import { isUtf8 } from 'node:buffer';
import type { StoredEvent } from '@backstory/core';
import { damagedEvents, eventsIn } from '@backstory/core/administration';

const COLUMNS =
  'position, stream, version, id, type, schema_version, append_index, recorded_at, data, metadata';

/** Events as {@link eventsOf} takes them, of a part of the log that begins with `FROM` or `WHERE` and has an order and a limit. */
export function selectEvents(where: string): string {
  // The order is that of the query inside. Nulls are left out, and missed then.
  return `SELECT count(*), CAST(group_concat(concat_ws(char(31), ${COLUMNS}), char(31)) || char(31) AS BLOB)
    FROM (SELECT ${COLUMNS} FROM events WHERE ${where})`;
}

/** How many they are, and their texts: bytes, since drivers end a text at a NUL. */
export type EventsRow = [count: number, texts: Uint8Array | null];

/** @throws StoreUnusable where a column holds what no append has put there */
export function eventsOf([count, texts]: EventsRow): StoredEvent[] {
  if (texts === null) return [];
  if (!isUtf8(texts)) throw damagedEvents();
  return eventsIn(Buffer.from(texts.buffer, texts.byteOffset, texts.byteLength).toString(), count);
}
