import type { StreamHead } from '@backstory/core';
import { byBytes, headPages, type ResolvedStreamsQuery } from '@backstory/core/store';
import { Pace } from './pace.js';
import type { Session } from './session.js';
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
    let name = byBytes(from, after) > 0 ? from : undefined;
    while (heads.length < size) {
      const head = await file.read((session) => nextHead(session, { from: name, after, to }));
      if (head === undefined) break;
      heads.push(head);
      after = head.stream;
      name = undefined;
      await pace.breathe();
    }
    if (heads.length === size) break;
  }
  return heads;
}

/** The first stream of a range that is not before `from` or follows `after`. */
function nextHead(
  session: Session,
  { from, after, to }: { from: string | undefined; after: string; to: string | undefined },
): StreamHead | undefined {
  const name =
    from === undefined
      ? session.first<[string | null]>(NAME_AFTER, after)?.[0]
      : session.first<[string | null]>(NAME_FROM, from)?.[0];
  if (name === undefined || name === null || (to !== undefined && byBytes(name, to) >= 0)) return undefined;
  const [version, position, recordedAt] = session.first<[number, number, number]>(LAST_EVENT, name)!;
  return { stream: name, version, position, recordedAt: new Date(recordedAt) };
}

const NAME_AFTER = 'SELECT min(stream) FROM events WHERE stream > ?';
const NAME_FROM = 'SELECT min(stream) FROM events WHERE stream >= ?';
const LAST_EVENT =
  'SELECT version, position, recorded_at FROM events WHERE stream = ? ORDER BY version DESC LIMIT 1';
