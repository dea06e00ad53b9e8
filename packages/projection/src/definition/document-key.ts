import { InvalidOption, LIMITS, isWellFormed } from '@backstory/core/store';
import { shown } from '@backstory/core/state';

/** What a key of a document is, to be said after "a key is". */
const WHAT = `1 to ${LIMITS.stream} bytes of well-formed text without NUL`;

/**
 * What `key` of a projection gave for an event, as a list without repetitions. A state store keeps them, also after the value of an
 * index.
 *
 * @throws TypeError for what is no key
 */
export function keysGiven(given: unknown): readonly string[] {
  if (given === undefined) return NONE;
  const keys = typeof given === 'string' ? [given] : [...new Set(listGiven(given))];
  for (const key of keys)
    if (!isKey(key)) throw new TypeError(`it gave the key ${shown(key)}: a key is ${WHAT}`);
  return keys as readonly string[];
}

const NONE: readonly string[] = [];

function listGiven(given: unknown): readonly unknown[] {
  if (Array.isArray(given)) return given;
  throw new TypeError(
    `it gave ${shown(given)}: give a text, a list of texts, or undefined for an event that changes no document`,
  );
}

/** @throws InvalidOption for one that somebody asks for */
export function requireKey(key: unknown): void {
  if (!isKey(key)) throw new InvalidOption('key', `must be ${WHAT}, not ${shown(key)}.`);
}

function isKey(key: unknown): boolean {
  const fits = typeof key === 'string' && key !== '' && key.length <= LIMITS.stream;
  return fits && isWellFormed(key) && !key.includes('\0') && Buffer.byteLength(key) <= LIMITS.stream;
}
