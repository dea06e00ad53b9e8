import { TABLES } from './schema.js';
import type { Session } from './session.js';

/** So many events were read from the beginning up to a position. */
export interface ReadSoFar {
  readonly events: number;
  readonly upTo: number;
}

/**
 * What could hide events from some reads, or show others, though every event that is read by its position is as it was: events
 * below the first position, tables and indexes that are not those of a store, and indexes of streams and ids that have fewer
 * entries than there are events. An index that was forged entry by entry only `PRAGMA integrity_check` finds, which takes longer than reading the log.
 */
export function examine(session: Session, read: ReadSoFar | undefined): readonly string[] {
  const foreign = foreignObjects(session);
  const [below] = session.first<[number]>('SELECT count(*) FROM events WHERE position < 1')!;
  return [
    ...foreign,
    ...(below === 0 ? [] : [`rows below position 1, where the log begins: ${below}`]),
    // Without its indexes they cannot be counted.
    ...(foreign.length === 0 && below === 0 && read ? shortIndexes(session, read) : []),
  ];
}

function foreignObjects(session: Session): readonly string[] {
  const wanted = new Map(TABLES.map((sql) => [/^CREATE (?:UNIQUE )?\w+ (\w+)/.exec(sql)![1]!, sql]));
  const found = new Map(
    session.all<[string, string]>(
      `SELECT name, sql FROM sqlite_schema WHERE type <> 'trigger' AND sql IS NOT NULL
        AND (tbl_name = 'events' OR name IN (SELECT value FROM json_each(?)))`,
      JSON.stringify([...wanted.keys()]),
    ),
  );
  const names = [...new Set([...wanted.keys(), ...found.keys()])];
  return names.flatMap((name) => {
    if (!found.has(name)) return `${name} is gone from its tables and indexes`;
    if (!wanted.has(name)) return `${name} is an index of events that is none of the store's`;
    return found.get(name) === wanted.get(name) ? [] : `${name} is not what it was made as`;
  });
}

function shortIndexes(session: Session, { events, upTo }: ReadSoFar): readonly string[] {
  const [later] = session.first<[number]>('SELECT count(*) FROM events WHERE position > ?', upTo)!;
  return INDEXES.flatMap(([index, column]) => {
    // Without a condition SQLite counts whichever of its trees is the smallest.
    const sql = `SELECT count(*) FROM events INDEXED BY ${index} WHERE ${column} >= ''`;
    const [entries] = session.first<[number]>(sql)!;
    return entries === events + later
      ? []
      : `index ${index} has ${entries} entries for ${events + later} events`;
  });
}

/** By which streams, and causes, are read. */
const INDEXES = [
  ['events_stream', 'stream'],
  ['events_id', 'id'],
] as const;
