import type { StrayColumn } from '@backstory/core/administration';
import { TABLES } from './schema.js';
import type { Session } from './session.js';
import type { SqliteFile } from './sqlite-file.js';
import { scannedParts } from './stray-columns.js';

/**
 * What could hide events from some reads, or show others, though every event that is read by its position is as it was: rows at
 * positions that no log has, tables and indexes that are not those of a store, values beside an event that are not what it says,
 * and indexes that have fewer entries than there are events, or lack many. An index of which few entries were forged only
 * `PRAGMA integrity_check` finds, a single statement, during which this process could do nothing else.
 */
export async function* examine(file: SqliteFile): AsyncGenerator<readonly (string | StrayColumn)[]> {
  const foreign = await file.read((session) => [...foreignObjects(session), ...rowsOutside(session)]);
  yield foreign;
  const rows = { events: 0, caused: 0, through: 0 };
  for await (const { events, caused, through, strays } of scannedParts(file)) {
    rows.events += events;
    rows.caused += caused;
    rows.through = through;
    yield strays;
  }
  // Without its indexes they cannot be looked at.
  if (foreign.length === 0)
    yield await file.snapshot(async (session) => {
      const short = shortIndexes(session, rows);
      return short.length > 0 ? short : [...otherIndexes(session, rows)];
    });
}

function foreignObjects(session: Session): readonly string[] {
  const wanted = new Map(TABLES.map((sql) => [/^CREATE (?:UNIQUE )?\w+ (\w+)/.exec(sql)![1]!, sql]));
  const found = new Map(
    session.all<[string, string]>(
      `SELECT name, sql FROM sqlite_schema WHERE type <> 'trigger' AND sql IS NOT NULL
        AND (lower(tbl_name) = 'events' OR name IN (SELECT value FROM json_each(?)))`,
      JSON.stringify([...wanted.keys()]),
    ),
  );
  // What the schema says may be forged; this is what SQLite made of it.
  for (const [name] of session.all<[string]>(`SELECT name FROM pragma_index_list('events')`))
    if (!found.has(name)) found.set(name, '');
  const names = [...new Set([...wanted.keys(), ...found.keys()])];
  return names.flatMap((name) => {
    if (!found.has(name)) return `${name} is gone from its tables and indexes`;
    if (!wanted.has(name)) return `${name} is an index of events that is none of the store's`;
    return found.get(name) === wanted.get(name) ? [] : `${name} is not what it was made as`;
  });
}

function rowsOutside(session: Session): readonly string[] {
  const [outside] = session.first<[number]>(OUTSIDE)!;
  return outside === 0 ? [] : [`rows at positions that no log has: ${outside}`];
}

const OUTSIDE = `SELECT count(*) FROM events WHERE position < 1 OR position > ${Number.MAX_SAFE_INTEGER}`;

interface Rows {
  readonly events: number;
  readonly caused: number;
  readonly through: number;
}

function shortIndexes(session: Session, { events, caused, through }: Rows): readonly string[] {
  const [laterEvents, laterCaused] = session.first<[number, number]>(LATER, through)!;
  return INDEXES.flatMap(([index, condition]) => {
    const [entries] = session.first<[number]>(
      `SELECT count(*) FROM events INDEXED BY ${index} WHERE ${condition}`,
    )!;
    const wanted = index === OF_CAUSES ? caused + laterCaused : events + laterEvents;
    return entries === wanted ? [] : `index ${index} has ${entries} entries for ${wanted} events`;
  });
}

/** Those that are of something else, or lack much: events spread over the log, which nobody can foresee, are looked for in each. */
function* otherIndexes(session: Session, { through }: Rows): Generator<string> {
  for (const [index, , columns] of INDEXES) {
    const same = columns.map((column) => `entry.${column} = event.${column}`).join(' AND ');
    const sql = `SELECT event.position FROM events event NOT INDEXED
      WHERE event.position = (SELECT min(position) FROM events WHERE position >= ?) AND event.${columns[0]} IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM events entry INDEXED BY ${index} WHERE ${same} AND entry.position = event.position)`;
    for (let i = 0; i < SAMPLES; i++) {
      const found = session.first<[number]>(sql, Math.floor((through * (i + Math.random())) / SAMPLES) + 1);
      if (!found) continue;
      yield `index ${index} has no entry for the event at position ${found[0]}`;
      break;
    }
  }
}

const SAMPLES = 100;

/** Appended since they were counted. */
const LATER = 'SELECT count(*), count(causation_id) FROM events NOT INDEXED WHERE position > ?';

/** It leaves out what has no cause. */
const OF_CAUSES = 'events_causation';

// Without a condition SQLite counts whichever of its trees is the smallest.
const INDEXES = [
  ['events_stream', `stream >= ''`, ['stream', 'version']],
  ['events_id', `id >= ''`, ['id']],
  ['events_type', `type >= ''`, ['type']],
  ['events_category', `category >= ''`, ['category']],
  ['events_correlation', `correlation_id >= ''`, ['correlation_id']],
  [OF_CAUSES, 'causation_id IS NOT NULL', ['causation_id']],
] as const;
