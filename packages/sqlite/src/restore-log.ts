import type { LogIdentity, LogPage } from '@backstory/core';
import { LogNotEmpty, checkRestorePage, type CheckedRestore } from '@backstory/core/store';
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
  const check = checkRestorePage(maxEventBytes);
  for await (const page of pages) await insertEvents(session, check(page).map(restoredRow));
  return readIdentity(session);
}

function restoredRow({ event, correlationId, causationId }: CheckedRestore): NewRow {
  const { stream, version, position, appendIndex, recordedAt, ...stamped } = event;
  const place = { stream, version, position, appendIndex, recordedAt: recordedAt.getTime() };
  return { ...place, event: { ...stamped, correlationId, causationId } };
}
