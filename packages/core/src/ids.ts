import { createHash } from 'node:crypto';
import { v7 } from 'uuid';

/** A new id that sorts by time: UUID v7 (RFC 9562). */
export function newId(): string {
  return v7();
}

/** The same parts give the same id, everywhere and for ever: UUID v8 (RFC 9562) of their SHA-256. */
export function deriveId(...parts: readonly (string | number)[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x80;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * The ids of an append's events: the append's own id, then its last 48 bits counted up.
 * One id is thus enough to repeat an append (the counter method of RFC 9562 §6.2).
 */
export function appendIds(appendId: string, count: number): string[] {
  const ids = [appendId];
  const head = appendId.slice(0, -12);
  const tail = parseInt(appendId.slice(-12), 16);
  for (let i = 1; i < count; i++) ids.push(head + ((tail + i) % 2 ** 48).toString(16).padStart(12, '0'));
  return ids;
}
