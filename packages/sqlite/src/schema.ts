import { StoreUnusable, newId } from '@backstory/core';
import type { Session } from './session.js';

/** "BSTY": says whose file it is, in its header. */
const APPLICATION_ID = 0x42535459;
export const SCHEMA_VERSION = 1;

/**
 * The tables, version 1. Every index costs each append, so there is one for each filter of a query and no more:
 * an index ends with the position, so each gives its events in log order, and time is bisected because it rises with
 * position. The category has a column because SQLite would keep a journal for every statement if it were computed.
 * `append_index` is the place of an event in its append, from 0; it shows where appends begin and end.
 */
export const SCHEMA = `
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  schema_version INTEGER NOT NULL,
  log_id TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  epoch_start INTEGER NOT NULL
) STRICT;
CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  stream TEXT NOT NULL,
  category TEXT NOT NULL,
  version INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  schema_version INTEGER NOT NULL,
  data TEXT NOT NULL,
  metadata TEXT NOT NULL,
  recorded_at INTEGER NOT NULL,
  correlation_id TEXT NOT NULL,
  causation_id TEXT,
  append_index INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_stream ON events (stream, version);
CREATE UNIQUE INDEX events_id ON events (id);
CREATE INDEX events_type ON events (type);
CREATE INDEX events_category ON events (category);
CREATE INDEX events_correlation ON events (correlation_id);
CREATE INDEX events_causation ON events (causation_id) WHERE causation_id IS NOT NULL;
CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'recorded events never change'); END;
CREATE TRIGGER events_never_go BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'recorded events are never deleted'); END;
CREATE TRIGGER events_only_grow BEFORE INSERT ON events
WHEN NEW.position <= (SELECT max(position) FROM events)
  OR EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version = NEW.version)
BEGIN SELECT RAISE(FAIL, 'recorded events are never replaced'); END;
CREATE TABLE state (
  collection TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (collection, key)
) STRICT;
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  owner TEXT,
  token INTEGER NOT NULL,
  ttl_ms INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** What makes its tables and indexes, each as SQLite keeps it. */
export const TABLES: readonly string[] = SCHEMA.trim()
  .split(/;\n(?=CREATE)|;$/)
  .filter((sql) => /^CREATE (TABLE|(UNIQUE )?INDEX) /.test(sql));

/** What is in a file, by its header: nothing yet, or a store of this version. @throws StoreUnusable for anything else */
export function inspect(session: Session, store: string): 'empty' | 'store' {
  const [applicationId] = session.first<[number]>('PRAGMA application_id')!;
  const [version] = session.first<[number]>('PRAGMA user_version')!;
  if (applicationId !== APPLICATION_ID) {
    const [objects] = session.first<[number]>('SELECT count(*) FROM sqlite_schema')!;
    if (applicationId === 0 && version === 0 && objects === 0) return 'empty';
    const message =
      'the file is a SQLite database of something else. Nothing was changed in it; choose another file.';
    throw new StoreUnusable(store, 'not-a-store', message);
  }
  if (version > SCHEMA_VERSION) {
    const message = `a newer release wrote the file (schema ${version}, this release knows ${SCHEMA_VERSION}): update.`;
    throw new StoreUnusable(store, 'newer-schema', message);
  }
  const [encoding] = session.first<[string]>('PRAGMA encoding')!;
  if (encoding === 'UTF-8') return 'store';
  const message = `its texts are in ${encoding}, as no store writes them: load what ".dump" says of it into a new file.`;
  throw new StoreUnusable(store, 'not-a-store', message);
}

/** Makes the tables and the log's identity, in the transaction that is open. */
export function create(session: Session): void {
  session.exec(creation());
}

/** Everything that makes a store, for an empty file. It holds the log's identity: use it once. */
export function installationSql(): string {
  return `PRAGMA journal_mode = WAL;\nBEGIN IMMEDIATE;\n${creation()}COMMIT;\n`;
}

function creation(): string {
  return `${SCHEMA}INSERT INTO meta VALUES (1, ${SCHEMA_VERSION}, '${newId()}', 1, 0);
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${SCHEMA_VERSION};
`;
}
