import type { LogPage } from '@backstory/core';
import type { ResolvedQuery } from '@backstory/core/store';
import { eventSource } from './event-source.js';
import type { Bounds } from './filter.js';
import { headOf, lastPositionBy } from './positions.js';
import type { Session } from './session.js';
import type { SqliteFile } from './sqlite-file.js';

/** The log in pages. The head is read before the page, so that nothing before it can have been missed. */
export async function* logPages(file: SqliteFile, query: ResolvedQuery): AsyncGenerator<LogPage> {
  const { backwards, pageSize } = query;
  const source = eventSource(query);
  let { after, upTo, limit } = query;
  for (;;) {
    const size = Math.min(pageSize, limit);
    const { head, ...bounds } = await file.read((session) => boundsOf(session, query, { after, upTo }));
    const { events, more } = size === 0 ? NOTHING : await source(file, { ...bounds, head }, size);
    limit -= events.length;
    const cut = limit === 0 || more;
    const last = events.at(-1)?.position;
    if (last !== undefined && backwards) upTo = last - 1;
    if (last !== undefined && !backwards) after = last;
    const end = backwards ? query.after + 1 : Math.max(after, Math.min(query.upTo, head));
    yield { events, through: cut ? cutAt({ after, upTo, backwards }) : end };
    if (limit === 0 || !cut) return;
  }
}

const NOTHING = { events: [], more: false };

/** How far a page that was cut has looked. */
export function cutAt({
  after,
  upTo,
  backwards,
}: {
  after: number;
  upTo: number;
  backwards: boolean;
}): number {
  return backwards ? Math.min(upTo + 1, Number.MAX_SAFE_INTEGER) : after;
}

/** Bounds on time become bounds on position. */
function boundsOf(
  session: Session,
  { recordedFrom, recordedUpTo }: ResolvedQuery,
  { after, upTo }: { readonly after: number; readonly upTo: number },
): Bounds {
  const head = headOf(session);
  const from = recordedFrom === undefined ? 0 : lastPositionBy(session, recordedFrom.getTime() - 1);
  const to = recordedUpTo === undefined ? upTo : lastPositionBy(session, recordedUpTo.getTime());
  return { head, after: Math.max(after, from), upTo: Math.min(upTo, to) };
}
