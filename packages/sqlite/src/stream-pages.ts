import type { LogPage, StoredEvent } from '@backstory/core';
import type { ResolvedSlice } from '@backstory/core/store';
import { cutAt } from './log-pages.js';
import { Portions } from './portions.js';
import { lastPositionBy, lastVersionBy } from './positions.js';
import type { Session } from './session.js';
import type { SqliteFile } from './sqlite-file.js';
import { eventsOf, selectEvents, type EventsRow } from './stored-event.js';

/** One stream in pages. Each page is a statement of its own, so it sees the stream as it is then. */
export async function* streamPages(
  file: SqliteFile,
  stream: string,
  slice: ResolvedSlice,
): AsyncGenerator<LogPage> {
  const { backwards, pageSize } = slice;
  const sql = selectEvents(
    `stream = ? AND version > ? AND version <= ? ORDER BY version ${backwards ? 'DESC' : 'ASC'} LIMIT ?`,
  );
  let { after, upTo, limit } = slice;
  for (;;) {
    const size = Math.min(pageSize, limit);
    const events: StoredEvent[] = [];
    const portions = new Portions();
    let more = true;
    while (more && events.length < size && !portions.areFull) {
      const asked = portions.next(size - events.length);
      const portion = await file.read((session) => {
        const bound = Math.min(upTo, versionBound(session, stream, slice));
        return eventsOf(session.first<EventsRow>(sql, stream, after, bound, asked)!);
      });
      portions.add(portion);
      events.push(...portion);
      more = portion.length === asked;
      const last = portion.at(-1)?.version;
      if (last !== undefined && backwards) upTo = last - 1;
      if (last !== undefined && !backwards) after = last;
    }
    limit -= events.length;
    const cut = limit === 0 || more;
    yield { events, through: cut || !backwards ? cutAt({ after, upTo, backwards }) : slice.after + 1 };
    if (limit === 0 || !cut) return;
  }
}

/** Bounds on position and time become a bound on version. */
function versionBound(
  session: Session,
  stream: string,
  { upToPosition, recordedUpTo }: ResolvedSlice,
): number {
  const byTime = recordedUpTo === undefined ? upToPosition : lastPositionBy(session, recordedUpTo.getTime());
  const position = Math.min(upToPosition, byTime);
  return position === Number.MAX_SAFE_INTEGER ? position : lastVersionBy(session, stream, position);
}
