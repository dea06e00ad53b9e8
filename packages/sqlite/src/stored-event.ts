import { isAscii, isUtf8 } from 'node:buffer';
import type { StoredEvent } from '@backstory/core';
import { damagedEvents, eventsIn } from '@backstory/core/administration';

const COLUMNS =
  'position, stream, version, id, type, schema_version, append_index, recorded_at, data, metadata';

/** Events as {@link eventsOf} takes them, of a part of the log that begins with `FROM` or `WHERE` and has an order and a limit. */
export function selectEvents(where: string): string {
  return selectTexts(COLUMNS, where);
}

/** Columns of events as one text, U+001F behind each of their values. */
export function selectTexts(columns: string, where: string): string {
  // The order is that of the query inside. Nulls are left out, and missed then.
  return `SELECT count(*), CAST(group_concat(concat_ws(char(31), ${columns}), char(31)) || char(31) AS BLOB)
    FROM (SELECT ${columns} FROM events WHERE ${where})`;
}

/** How many they are, and their texts: bytes, since drivers end a text at a NUL. */
export type EventsRow = [count: number, texts: Uint8Array | null];

/** @throws StoreUnusable where a column holds what no append has put there */
export function eventsOf([count, texts]: EventsRow): StoredEvent[] {
  return texts === null ? [] : eventsIn(textIn(texts), count);
}

/** @throws StoreUnusable where it is no UTF-8 */
export function textIn(texts: Uint8Array): string {
  const bytes = Buffer.from(texts.buffer, texts.byteOffset, texts.byteLength);
  // Of a byte a character, which is had for a fraction.
  if (isAscii(bytes)) return bytes.toString('latin1');
  if (!isUtf8(bytes)) throw damagedEvents();
  return bytes.toString();
}
