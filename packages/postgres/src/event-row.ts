import type { StoredEvent } from '@backstory/core';

/** The columns of an event, in the order {@link storedEvent} reads them. Seconds as a double are exact to the millisecond, and quick. */
export const EVENT_COLUMNS = `position, stream, version, append_index, id, type, schema_version, data, metadata,
  (date_part('epoch', recorded_at) * 1000)::bigint`;

/** The same without the stream, for whoever knows it: each value of a row costs at either end. */
export const EVENT_COLUMNS_OF_STREAM = EVENT_COLUMNS.replace('stream', 'null');

/** A row of a page: what there is to tell of the page, in its first row at least, and an event. */
export type EventRow = readonly [
  page: string | null,
  position: string,
  stream: string | null,
  version: string,
  appendIndex: string,
  id: string,
  type: string,
  schemaVersion: string,
  data: string,
  metadata: string,
  recordedAt: string,
];

/** The only row of a page without events. */
export type EmptyRow = readonly [page: string, ...nulls: null[]];

export function hasEvent(row: EventRow | EmptyRow): row is EventRow {
  return row[1] !== null;
}

/** An event that the filters of a query do not let through comes without its data. */
export function isWanted(row: EventRow): boolean {
  return (row[8] as string | null) !== null;
}

/** Read by its places: this is done for every event that is read. */
export function storedEvent(row: EventRow, stream = row[2]!): StoredEvent {
  return {
    id: row[5],
    stream,
    version: Number(row[3]),
    position: Number(row[1]),
    appendIndex: Number(row[4]),
    type: row[6],
    schemaVersion: Number(row[7]),
    data: row[8],
    metadata: row[9],
    recordedAt: new Date(Number(row[10])),
  };
}
