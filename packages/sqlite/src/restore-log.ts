import type { LogIdentity, LogPage } from '@backstory/core';
import { LogNotEmpty, RestoreCheck, type CheckedRestore } from '@backstory/core/store';
import { insertEvents, type NewRow } from './insert-events.js';
import { readIdentity } from './log-identity.js';
import { headOf } from './positions.js';
import type { Session } from './session.js';

/** Fills an empty log, page by page, in the transaction that is open: all of it or nothing. */
export async function restoreLog(
  session: Session,
  pages: AsyncIterable<LogPage> | Iterable<LogPage>,
  maxEventBytes: number,
): Promise<LogIdentity> {
  const head = headOf(session);
  if (head > 0) throw new LogNotEmpty(head);
  const check = new RestoreCheck(maxEventBytes);
  for await (const page of pages) {
    const events = check.page(page);
    check.refuseKnown(events, knownIds(session, events));
    await insertEvents(session, events.map(restoredRow));
  }
  return readIdentity(session);
}

/** Asked of the index: to remember them would take as much memory as there are events. */
function knownIds(session: Session, page: readonly CheckedRestore[]): ReadonlySet<string> {
  const ids = JSON.stringify(page.map(({ event }) => event.id));
  return new Set(session.all<[string]>(KNOWN_IDS, ids).map(([id]) => id));
}

const KNOWN_IDS = 'SELECT id FROM events WHERE id IN (SELECT value FROM json_each(?))';

function restoredRow({ event, correlationId, causationId }: CheckedRestore): NewRow {
  const { stream, version, position, appendIndex, recordedAt, ...stamped } = event;
  const place = { stream, version, position, appendIndex, recordedAt: recordedAt.getTime() };
  return { ...place, event: { ...stamped, correlationId, causationId } };
}
