import { indexedIn, type StrayColumn } from '@backstory/core/administration';
import type { Session } from './session.js';
import type { SqliteFile } from './sqlite-file.js';

/** Some events that follow each other. */
export interface ScannedPart {
  readonly events: number;
  /** How many of them have a cause. */
  readonly caused: number;
  /** The position of the last of them. */
  readonly through: number;
  readonly strays: readonly StrayColumn[];
}

/**
 * The whole table, with every event beside which something stands that it does not say, of what reads look for. SQLite clears those
 * of which it is plain, which costs a fraction of what reading them does; the others are looked at here, as an append does.
 */
export async function* scannedParts(file: SqliteFile): AsyncGenerator<ScannedPart> {
  for (let after = 0; ;) {
    const part = await file.read((session) => partAfter(session, after));
    if (!part) return;
    yield part;
    after = part.through;
  }
}

function partAfter(session: Session, after: number): ScannedPart | undefined {
  const [first] = session.first<[number | null]>(FIRST, after)!;
  if (first === null) return undefined;
  const [events, caused, doubtful, through] = session.first<Counted>(COUNTED, first, first + PART)!;
  const rows = doubtful === 0 ? [] : session.all<Row>(DOUBTFUL, first, through);
  return { events, caused, through, strays: rows.flatMap((row) => [...straysOf(row)]) };
}

/** So many positions are looked at in one go. */
const PART = 1_000;

type Counted = [events: number, caused: number, doubtful: number, through: number];

type Row = [
  position: number,
  isCategory: number,
  metadata: Uint8Array,
  correlation: Uint8Array | null,
  causation: Uint8Array | null,
  isUncaused: number,
];

function* straysOf([
  position,
  isCategory,
  metadata,
  correlation,
  causation,
  isUncaused,
]: Row): Generator<StrayColumn> {
  const { correlationId, causationId } = indexedIn(Buffer.from(metadata).toString());
  if (isCategory !== 1) yield { position, column: 'category' };
  if (!isText(correlation, correlationId)) yield { position, column: 'correlation_id' };
  if (!(isUncaused === 1 ? causationId === undefined : isText(causation, causationId)))
    yield { position, column: 'causation_id' };
}

/** Byte by byte: drivers end a text at a NUL. Nothing stands for what is no text. */
function isText(bytes: Uint8Array | null, text: unknown): boolean {
  return bytes !== null && typeof text === 'string' && Buffer.from(text).equals(bytes);
}

// A position that is no number here could come again and again.
const FIRST = `SELECT min(position) FROM events WHERE position > ? AND position <= ${Number.MAX_SAFE_INTEGER}`;

const IS_CATEGORY = `category = CASE instr(stream, '-') WHEN 0 THEN stream ELSE substr(stream, 1, instr(stream, '-') - 1) END`;

// What is no JSON is doubtful, and fails in json_extract. Of a key that stands twice, as the Recorder writes none, that takes the first.
const IS_DOUBTFUL = `(${IS_CATEGORY}
    AND CASE WHEN json_valid(metadata) THEN json_extract(metadata, '$.correlationId') = correlation_id
      AND json_extract(metadata, '$.causationId') IS causation_id END
  ) IS NOT TRUE`;

const COUNTED = `SELECT count(*), count(causation_id), sum(${IS_DOUBTFUL}), max(position)
  FROM events WHERE position >= ? AND position < ?`;

const DOUBTFUL = `SELECT position, ${IS_CATEGORY}, CAST(metadata AS BLOB), 
    CASE WHEN typeof(correlation_id) = 'text' THEN CAST(correlation_id AS BLOB) END,
    CASE WHEN typeof(causation_id) = 'text' THEN CAST(causation_id AS BLOB) END, causation_id IS NULL
  FROM events WHERE position >= ? AND position <= ? AND ${IS_DOUBTFUL} ORDER BY position`;
