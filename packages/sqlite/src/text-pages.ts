import { damagedEvents, type TextsPage, type TextsPart } from '@backstory/core/administration';
import type { Session } from './session.js';
import type { SqliteFile } from './sqlite-file.js';

/**
 * The log as texts: SQLite puts a page of it together, and one value is read in place of ten of each event.
 *
 * @throws StoreUnusable where a column holds what no append has put there
 */
export async function* textPages(
  file: SqliteFile,
  { after, upTo, first, pageSize }: TextsPart,
): AsyncGenerator<TextsPage> {
  for (let most = first; ; most = pageSize) {
    const page = await file.read((session) => textPage(session, { after, upTo, most }));
    yield page;
    if (page.through === upTo) return;
    after = page.through;
  }
}

interface Part {
  readonly after: number;
  readonly upTo: number;
  readonly most: number;
}

function textPage(session: Session, { after, upTo, most }: Part): TextsPage {
  const [events, bytes, last] = session.first<Size>(SIZE, after, upTo, most)!;
  // Whoever asks for nothing wants to know whether anything could be read.
  if (after === upTo) session.first(TEXT, after, upTo);
  if (last === null) return { count: 0, last: after, through: upTo, bytes: new Uint8Array() };
  if (bytes > LARGEST && events > 1)
    return textPage(session, { after, upTo, most: Math.ceil(Math.min(most, events) / 2) });
  const [count, text] = session.first<[number, Uint8Array | null]>(TEXT, after, last)!;
  // Numbers and names are looked at by json_array, and by whoever compares the header.
  if (text === null || count !== events) throw damagedEvents();
  return { count, last, through: events < most ? upTo : last, bytes: text };
}

type Size = [events: number, bytes: number, last: number | null];

/** Of data and metadata, in bytes; of a single event more. */
const LARGEST = 4 * 2 ** 20;

// Lengths are known without what is long being read.
const SIZE = `SELECT count(*), sum(octet_length(data) + octet_length(metadata)), max(position) FROM (
  SELECT position, data, metadata FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?)`;

// Bytes: libsql ends texts at a NUL, and the process where they are no UTF-8. json_array tells a text of digits from a number. The
// rows come in the order of the query inside; to order them again in group_concat would take as long as all the rest.
const TEXT = `SELECT sum(typeof(data) = 'text' AND typeof(metadata) = 'text'), CAST(group_concat(octet_length(header) || ' '
    || octet_length(data) || ' ' || octet_length(metadata) || ' ' || header || data || metadata, '') AS BLOB)
  FROM (
    SELECT data, metadata,
      json_array(1, position, stream, version, id, type, schema_version, append_index, recorded_at) AS header
    FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT -1)`;
