import type { Session } from './session.js';

/** The last position, 0 when the log is empty. */
export function headOf(session: Session): number {
  return session.first<[number | null]>('SELECT max(position) FROM events')?.[0] ?? 0;
}

/** The last position recorded at or before a time, 0 if none: times rise with positions, so it is bisected. */
export function lastPositionBy(session: Session, time: number): number {
  let low = 0;
  let high = headOf(session);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const found = session.first<[number, number]>(AT_OR_AFTER, middle)!;
    if (found[1] > time) high = middle - 1;
    else low = found[0];
  }
  return low;
}

/** The last version of a stream at or before a position, 0 if none. */
export function lastVersionBy(session: Session, stream: string, position: number): number {
  const last = session.first<[number, number]>(LAST_OF_STREAM, stream);
  if (last === undefined) return 0;
  let [high] = last;
  if (last[1] <= position) return high;
  let low = 0;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const [at] = session.first<[number]>(POSITION_OF, stream, middle)!;
    if (at > position) high = middle - 1;
    else low = middle;
  }
  return low;
}

const AT_OR_AFTER = 'SELECT position, recorded_at FROM events WHERE position >= ? ORDER BY position LIMIT 1';
const LAST_OF_STREAM = 'SELECT version, position FROM events WHERE stream = ? ORDER BY version DESC LIMIT 1';
const POSITION_OF = 'SELECT position FROM events WHERE stream = ? AND version = ?';
