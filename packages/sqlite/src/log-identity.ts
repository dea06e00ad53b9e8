import type { LogIdentity } from '@backstory/core';
import { headOf } from './positions.js';
import type { Session } from './session.js';

export function readIdentity(session: Session): LogIdentity {
  const [logId, epoch, epochStart, head, headId] =
    session.first<[string, number, number, number | null, string | null]>(IDENTITY)!;
  return { logId, epoch, epochStart, head: head ?? 0, ...(headId !== null && { headId }) };
}

/** In the transaction that is open. */
export function adoptLog(session: Session): LogIdentity {
  session.run('UPDATE meta SET epoch = epoch + 1, epoch_start = ?', [headOf(session)]);
  return readIdentity(session);
}

const IDENTITY = `SELECT log_id, epoch, epoch_start, position, id FROM meta
  LEFT JOIN (SELECT position, id FROM events ORDER BY position DESC LIMIT 1)`;
