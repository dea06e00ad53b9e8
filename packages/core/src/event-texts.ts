import { StoreUnusable } from './errors.js';
import type { StoredEvent } from './event.js';

/** Behind each value of an event in a text: neither names nor JSON hold control characters, as both ends see to. */
const SEPARATOR = '\u001f';
/** Position, stream, version, id, type, schema version, append index, milliseconds since 1970, data, metadata. */
const VALUES = 10;

/**
 * Events that a database put together as one text, U+001F behind each of their values: position, stream, version, id, type,
 * schema version, append index, milliseconds since 1970, data, metadata. A driver pays for each value that it hands over.
 *
 * @param stream where it is known; the text may have anything in its place
 * @throws StoreUnusable where these are not so many events
 */
export function eventsIn(text: string, count: number, stream?: string): StoredEvent[] {
  const values = text.split(SEPARATOR);
  if (values.pop() !== '' || values.length !== count * VALUES) throw damagedEvents();
  const events = new Array<StoredEvent>(count);
  let type = '';
  let of = stream ?? '';
  for (let i = 0, at = 0; i < count; i++, at += VALUES) {
    // Many in a row are of one type, or of one stream.
    if (values[at + 4] !== type) type = own(values[at + 4]!);
    if (stream === undefined && values[at + 1] !== of) of = own(values[at + 1]!);
    events[i] = {
      id: own(values[at + 3]!),
      stream: of,
      version: Number(values[at + 2]),
      position: Number(values[at]),
      appendIndex: Number(values[at + 6]),
      type,
      schemaVersion: Number(values[at + 5]),
      data: own(values[at + 8]!),
      metadata: own(values[at + 9]!),
      recordedAt: new Date(Number(values[at + 7])),
    };
  }
  return events;
}

/** What is thrown of events that such a text cannot hold. */
export function damagedEvents(): StoreUnusable {
  const message =
    'an event of this page holds null, a control character or bytes that are no UTF-8 in a column, which no append has put there: run "backstory audit verify".';
  return new StoreUnusable('the log', 'corrupt', message);
}

/** A part of a text keeps all of it in memory, and one name may be kept for long: this makes a copy. */
function own(value: string): string {
  return ` ${value}`.slice(1);
}
