import crypto from 'node:crypto';
import type { Json } from '@backstory/events';
import { shortHash } from './short-hash.js';

/** The digests of the parts of a state, each of which is compared for itself. */
export type FieldDigests = Readonly<Record<string, string>>;

/**
 * A short digest of JSON: equal values have equal ones, whatever the order of their keys. 72 bits, so that two values that
 * differ have the same one with a chance of one in 4 · 10²¹.
 */
export function digestOf(value: Json): string {
  const text = canonical(value);
  if (text.length > SHORT || !PRINTABLE.test(text))
    return crypto.hash('sha256', text, 'base64url').slice(0, 12);
  const [a, b, c] = shortHash(text);
  return fourOf(a) + fourOf(b) + fourOf(c);
}

/** Longer texts have the platform's hash, which is quicker then. */
const SHORT = 128;
/** Of one byte a character. */
const PRINTABLE = /^[ -~]*$/;

/** 24 bits of a word as four characters. */
function fourOf(word: number): string {
  return PAIRS[word >>> 20]! + PAIRS[(word >>> 8) & 0xfff]!;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const PAIRS = [...LETTERS].flatMap((a) => [...LETTERS].map((b) => a + b));

/** The parts of a state: its properties; of a state that is no object all of it, under an empty name. */
export function fieldsIn(state: Json): Readonly<Record<string, Json>> {
  const isObject = typeof state === 'object' && state !== null && !Array.isArray(state);
  return isObject ? (state as Readonly<Record<string, Json>>) : { '': state };
}

export function digestsOf(state: Json): FieldDigests {
  return Object.fromEntries(Object.entries(fieldsIn(state)).map(([name, value]) => [name, digestOf(value)]));
}

/** Where there is no object inside the order is known, and the text is that of JSON. */
function canonical(value: Json): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonical).join(',')}]`;
  const members = value as Readonly<Record<string, Json>>;
  const names = Object.keys(members).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(members[name]!)}`).join(',')}}`;
}
