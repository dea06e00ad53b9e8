import type { StreamHead } from '@backstory/core';
import { damagedEvents, type FoldableEvent } from '@backstory/core/administration';
import type { SqliteFile } from './sqlite-file.js';
import { selectTexts, textIn, type EventsRow } from './stored-event.js';

/** As many events of a stream, each of no more bytes, are read together with those of others. */
const SHORT = 100;
const SMALL = 4_096;
/** As many events are asked for at a time, about. */
const AT_ONCE = 500;

/** The events of those streams that are short, up to the versions given, by stream: one statement for many streams. */
export async function shortStreams(
  file: SqliteFile,
  streams: readonly Pick<StreamHead, 'stream' | 'version'>[],
): Promise<ReadonlyMap<string, readonly FoldableEvent[]>> {
  const found = new Map<string, FoldableEvent[]>();
  const short = streams.filter(({ version }) => version <= SHORT);
  for (let names: string[] = [], due = 0, i = 0; i < short.length; i++) {
    names.push(short[i]!.stream);
    due += short[i]!.version;
    if (due < AT_ONCE && i < short.length - 1) continue;
    const asked = JSON.stringify(names.splice(0));
    due = 0;
    for (const event of foldablesOf(await file.read((session) => session.first<EventsRow>(SQL, asked)!))) {
      const events = found.get(event.stream);
      if (events) events.push(event);
      else found.set(event.stream, [event]);
    }
  }
  for (const { stream, version } of short) keepWhole(found, stream, version);
  return found;
}

/** A stream of which a large event is missing is left out; what came since it was listed is cut off. */
function keepWhole(found: Map<string, FoldableEvent[]>, stream: string, version: number): void {
  const events = found.get(stream);
  if (events?.[version - 1]?.version === version) events.splice(version);
  else found.delete(stream);
}

/** Their data is a part of the text that they were read as: it is folded and gone. @throws StoreUnusable */
function foldablesOf([count, texts]: EventsRow): FoldableEvent[] {
  const values = texts === null ? [''] : textIn(texts).split('\u001f');
  if (values.pop() !== '' || values.length !== count * COLUMNS.length) throw damagedEvents();
  const events = new Array<FoldableEvent>(count);
  let [stream, type] = ['', ''];
  for (let i = 0, at = 0; i < count; i++, at += COLUMNS.length) {
    // Many in a row are of one stream, or of one type: the same text is found by its hash at once.
    if (values[at] !== stream) stream = values[at]!;
    if (values[at + 3] !== type) type = values[at + 3]!;
    events[i] = {
      stream,
      version: Number(values[at + 1]),
      position: Number(values[at + 2]),
      type,
      schemaVersion: Number(values[at + 4]),
      data: values[at + 5]!,
    };
  }
  return events;
}

const COLUMNS = ['stream', 'version', 'position', 'type', 'schema_version', 'data'] as const;

// Whatever order the names are taken in, those of one stream come by version.
const SQL = selectTexts(
  COLUMNS.join(', '),
  `stream IN (SELECT value FROM json_each(?)) AND version <= ${SHORT} AND octet_length(data) <= ${SMALL}
  ORDER BY stream, version LIMIT -1`,
);
