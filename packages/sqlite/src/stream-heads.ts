import type { StreamHead } from '@backstory/core';
import { byBytes, headPages, type ResolvedStreamsQuery } from '@backstory/core/store';
import { Pace } from './pace.js';
import type { SqliteFile } from './sqlite-file.js';

/** The streams in byte order, each with its last event: leaping from name to name, whatever the streams hold. */
export function streamHeads(
  file: SqliteFile,
  query: ResolvedStreamsQuery,
): AsyncGenerator<readonly StreamHead[]> {
  return headPages(query, (...asked) => nextHeads(file, ...asked));
}

async function nextHeads(
  file: SqliteFile,
  ...[ranges, after, size]: Parameters<Parameters<typeof headPages>[1]>
): Promise<StreamHead[]> {
  const heads: StreamHead[] = [];
  const pace = new Pace();
  for (const { from, to } of ranges) {
    if (to !== undefined && byBytes(to, after) <= 0) continue;
    let first: readonly [string, string] = byBytes(from, after) > 0 ? [FROM, from] : [AFTER, after];
    for (let more = true; more && heads.length < size;) {
      const asked = Math.min(AT_ONCE, size - heads.length);
      const [sql, name] = first;
      const rows = await file.read((session) => session.all<HeadRow>(sql, name, to ?? null, asked));
      heads.push(...rows.map(headIn));
      after = heads.at(-1)?.stream ?? after;
      first = [AFTER, after];
      more = rows.length === asked;
      await pace.breathe();
    }
    if (heads.length === size) break;
  }
  return heads;
}

/** Names found by one statement, while which nothing else runs. */
const AT_ONCE = 100;

type HeadRow = [stream: string, version: number, position: number, recordedAt: number];

function headIn([stream, version, position, recordedAt]: HeadRow): StreamHead {
  return { stream, version, position, recordedAt: new Date(recordedAt) };
}

/** After (or from) a name, up to but without another, some of them. */
const headsSql = (comparison: '>' | '>=') => `WITH RECURSIVE names (stream) AS (
    SELECT (SELECT min(stream) FROM events WHERE stream ${comparison} ?1)
    UNION ALL
    SELECT (SELECT min(stream) FROM events WHERE stream > names.stream) FROM names
    WHERE names.stream IS NOT NULL AND (?2 IS NULL OR names.stream < ?2)
    LIMIT ?3
  )
  SELECT names.stream, version, position, recorded_at FROM names CROSS JOIN events ON position =
    (SELECT position FROM events WHERE stream = names.stream ORDER BY version DESC LIMIT 1)
  WHERE ?2 IS NULL OR names.stream < ?2`;

const AFTER = headsSql('>');
const FROM = headsSql('>=');
