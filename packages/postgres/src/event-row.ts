import type { StoredEvent } from '@backstory/core';

/** The columns of an event, in the order {@link storedEvent} reads them. */
export const EVENT_COLUMNS = `position, stream, version, append_index, id, type, schema_version, data, metadata,
  (extract(epoch from recorded_at) * 1000)::bigint`;

export type EventRow = readonly [
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

export function storedEvent(row: EventRow): StoredEvent {
  const [position, stream, version, appendIndex, id, type, schemaVersion, data, metadata, recordedAt] = row;
  return {
    id,
    stream,
    version: Number(version),
    position: Number(position),
    appendIndex: Number(appendIndex),
    type,
    schemaVersion: Number(schemaVersion),
    data,
    metadata,
    recordedAt: new Date(Number(recordedAt)),
  };
}
