import type { StoredEvent } from '@backstory/core';

/** The columns of an event, in the order {@link storedEvent} reads them. */
export const EVENT_COLUMNS =
  'position, stream, version, append_index, id, type, schema_version, data, metadata, recorded_at';

export type EventRow = [number, string, number, number, string, string, number, string, string, number];

export function storedEvent(row: EventRow): StoredEvent {
  const [position, stream, version, appendIndex, id, type, schemaVersion, data, metadata, recordedAt] = row;
  return {
    id,
    stream,
    version,
    position,
    appendIndex,
    type,
    schemaVersion,
    data,
    metadata,
    recordedAt: new Date(recordedAt),
  };
}
