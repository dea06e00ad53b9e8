import type { StoredEvent } from '@backstory/core';

/** Between texts of events: neither names nor JSON hold control characters, as both ends see to. */
const SEPARATOR = '\u001f';

/** The columns of an event, in the order {@link eventsIn} takes them. Seconds as a double are exact to the millisecond, and quick. */
const COLUMNS = [
  'position',
  'stream',
  'version',
  'append_index',
  'id',
  'type',
  'schema_version',
  'data::text',
  'metadata::text',
  `(date_part('epoch', recorded_at) * 1000)::bigint`,
];

/**
 * An aggregate: events as one text, in the order in which they come. A driver pays for each value that it hands over, and a
 * server for each that it sends: this takes half the time of rows.
 */
export const EVENTS = aggregate(COLUMNS);

/** The same without the stream, for whoever knows it. */
export const EVENTS_OF_STREAM = aggregate(COLUMNS.map((column) => (column === 'stream' ? `''` : column)));

// A column that is null, behind the store's back, takes its event along: what is left in its place is missed by `eventsIn`.
function aggregate(columns: readonly string[]): string {
  return `string_agg(coalesce(${columns.join(` || e'\\x1f' || `)}, ''), e'\\x1f')`;
}

/** @throws Error where these are not so many events */
export function eventsIn(text: string, count: number, stream?: string): StoredEvent[] {
  const values = text.split(SEPARATOR);
  if (values.length !== count * COLUMNS.length) throw new Error(DAMAGED);
  const events = new Array<StoredEvent>(count);
  for (let i = 0, at = 0; i < count; i++, at += COLUMNS.length)
    events[i] = {
      id: own(values[at + 4]!),
      stream: stream ?? own(values[at + 1]!),
      version: Number(values[at + 2]),
      position: Number(values[at]),
      appendIndex: Number(values[at + 3]),
      type: own(values[at + 5]!),
      schemaVersion: Number(values[at + 6]),
      data: own(values[at + 7]!),
      metadata: own(values[at + 8]!),
      recordedAt: new Date(Number(values[at + 9])),
    };
  return events;
}

const DAMAGED =
  'An event of this page holds null or a control character in a column, which no append has put there: run "backstory audit verify".';

/** A part of a text keeps all of it in memory, and one name may be kept for long: this makes a copy. */
function own(value: string): string {
  return ` ${value}`.slice(1);
}
