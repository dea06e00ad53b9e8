import type { StoredEvent, StreamHead } from '@backstory/core';
import type { SqliteFile } from './sqlite-file.js';
import { eventsOf, selectEvents, type EventsRow } from './stored-event.js';

/** As many events of a stream, each of no more bytes, are read together with those of others. */
const SHORT = 100;
const SMALL = 4_096;
/** As many events are asked for at a time, about. */
const AT_ONCE = 500;

/** The events of those streams that are short, up to the versions given, by stream: one statement for many streams. */
export async function shortStreams(
  file: SqliteFile,
  streams: readonly Pick<StreamHead, 'stream' | 'version'>[],
): Promise<ReadonlyMap<string, readonly StoredEvent[]>> {
  const found = new Map<string, StoredEvent[]>();
  const short = streams.filter(({ version }) => version <= SHORT);
  for (let names: string[] = [], due = 0, i = 0; i < short.length; i++) {
    names.push(short[i]!.stream);
    due += short[i]!.version;
    if (due < AT_ONCE && i < short.length - 1) continue;
    const asked = JSON.stringify(names.splice(0));
    due = 0;
    for (const event of eventsOf(await file.read((session) => session.first<EventsRow>(SQL, asked)!))) {
      const events = found.get(event.stream);
      if (events) events.push(event);
      else found.set(event.stream, [event]);
    }
  }
  for (const { stream, version } of short) keepWhole(found, stream, version);
  return found;
}

/** A stream of which a large event is missing is left out; what came since it was listed is cut off. */
function keepWhole(found: Map<string, StoredEvent[]>, stream: string, version: number): void {
  const events = found.get(stream);
  if (events?.[version - 1]?.version === version) events.splice(version);
  else found.delete(stream);
}

// Whatever order the names are taken in, those of one stream come by version.
const SQL = selectEvents(`stream IN (SELECT value FROM json_each(?)) AND version <= ${SHORT}
  AND octet_length(data) + octet_length(metadata) <= ${SMALL} ORDER BY stream, version LIMIT -1`);
