import type { LogIdentity } from '@backstory/core';
import { headOf } from './positions.js';
import type { Session } from './session.js';

export function readIdentity(session: Session): LogIdentity {
  const [logId, epoch, epochStart, head] = session.first<[string, number, number, number]>(IDENTITY)!;
  return { logId, epoch, epochStart, head };
}

/** In the transaction that is open. */
export function adoptLog(session: Session): LogIdentity {
  session.run('UPDATE meta SET epoch = epoch + 1, epoch_start = ?', [headOf(session)]);
  return readIdentity(session);
}

const IDENTITY = `SELECT log_id, epoch, epoch_start, ifnull((SELECT max(position) FROM events), 0) FROM meta`;
