import type { StoredEvent } from '@backstory/core';

/** The columns of an event, in the order {@link storedEvent} reads them. */
export const EVENT_COLUMNS = `position, stream, version, append_index, id, type, schema_version, data, metadata,
  (extract(epoch from recorded_at) * 1000)::bigint`;

/** A row of a page: what there is to tell of the page, the same in each row, and an event. */
export type EventRow = readonly [
  page: string,
  position: string,
  stream: string,
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
export function storedEvent(row: EventRow): StoredEvent {
  return {
    id: row[5],
    stream: row[2],
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
