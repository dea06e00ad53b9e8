import { InvalidOption, LIMITS, isWellFormed } from '@backstory/core/store';

/** What a key of a document is, to be said after "a key is". */
const WHAT = `1 to ${LIMITS.stream} bytes of well-formed text without NUL`;

/** A state store keeps it, also after the value of an index. @throws TypeError for one that a projection gave */
export function checkKey(key: unknown): void {
  if (!isKey(key)) throw new TypeError(`it gave the key ${JSON.stringify(key)}: a key is ${WHAT}`);
}

/** @throws InvalidOption for one that somebody asks for */
export function requireKey(key: unknown): void {
  if (!isKey(key)) throw new InvalidOption('key', `must be ${WHAT}, not ${JSON.stringify(key)}.`);
}

function isKey(key: unknown): boolean {
  const fits = typeof key === 'string' && key !== '' && key.length <= LIMITS.stream;
  return fits && isWellFormed(key) && !key.includes('\0') && Buffer.byteLength(key) <= LIMITS.stream;
}
