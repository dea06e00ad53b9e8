import type { StoredEvent } from './event.js';
import { readFormat } from './format.js';

const FORMAT = 'backstory.event/1';

/** One stored event as a line of JSON, format version 1. The stored texts are strings in it, hence exact. */
export function writeEnvelope(event: StoredEvent): string {
  const { id, stream, version, position, appendIndex, type, schemaVersion, recordedAt, data, metadata } =
    event;
  const recorded = recordedAt.toISOString();
  return JSON.stringify({
    format: FORMAT,
    id,
    stream,
    version,
    position,
    appendIndex,
    type,
    schemaVersion,
    recordedAt: recorded,
    data,
    metadata,
  });
}

/** Reads what {@link writeEnvelope} wrote. @throws UnknownFormat when something else, or a later release, wrote it */
export function readEnvelope(line: string): StoredEvent {
  const { recordedAt, ...event } = readFormat<
    Omit<StoredEvent, 'recordedAt'> & { readonly recordedAt: string }
  >(line, FORMAT);
  return { ...event, recordedAt: new Date(recordedAt) };
}
