import { InvalidStateEntry } from './errors.js';
import type { StateEntry, StateQuery } from './state-store.js';
import { LIMITS, isName, isWellFormed } from './names.js';
import { LONGEST_TIMER } from './number-option.js';

/** Checks the name of a collection as every state store must, before it reads or writes. @throws InvalidStateEntry */
export function checkCollection(collection: string): void {
  if (!isName(collection, LIMITS.stream)) {
    throw new InvalidStateEntry(
      'collection',
      `is named by 1 to ${LIMITS.stream} bytes of text without control characters.`,
    );
  }
}

/** Checks a key as every state store must. @throws InvalidStateEntry */
export function checkKey(key: string): void {
  const fits = typeof key === 'string' && key.length > 0 && Buffer.byteLength(key) <= LIMITS.stateKey;
  if (!fits || !isWellFormed(key) || key.includes('\0')) {
    throw new InvalidStateEntry(
      'key',
      `must be 1 to ${LIMITS.stateKey} bytes of well-formed text without NUL.`,
    );
  }
}

/** Checks a key and its value as every state store must before it writes. @throws InvalidStateEntry */
export function checkEntry({ key, value }: StateEntry): void {
  checkKey(key);
  if (typeof value !== 'string' || !isWellFormed(value) || value.includes('\0')) {
    throw new InvalidStateEntry('value', `of key "${key}" must be well-formed text without NUL.`);
  }
}

/** Checks what a lease is asked with as every state store must. @throws InvalidStateEntry */
export function checkLease(name: string, ttlMs: number, owner: string): void {
  if (!isName(name, LIMITS.stream) || !isName(owner, LIMITS.stream)) {
    throw new InvalidStateEntry(
      'lease',
      `and its owner are named by 1 to ${LIMITS.stream} bytes of text without control characters.`,
    );
  }
  if (!Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > LONGEST_TIMER)
    throw new InvalidStateEntry('lease', `has a ttlMs from 1 to ${LONGEST_TIMER}, not ${String(ttlMs)}.`);
}

/** A state query with every default in place. */
export type ResolvedStateQuery = Required<Omit<StateQuery, 'upTo'>> & { readonly upTo: string | undefined };

/** Checks a query as every state store must. @throws InvalidStateEntry */
export function resolveStateQuery(query: StateQuery = {}): ResolvedStateQuery {
  const { prefix = '', after = '', upTo, backwards = false, limit = 1_000 } = query;
  for (const bound of [prefix, after, upTo ?? '']) {
    if (typeof bound !== 'string' || !isWellFormed(bound) || bound.includes('\0'))
      throw new InvalidStateEntry('key', 'and its bounds are well-formed text without NUL.');
  }
  if (!Number.isSafeInteger(limit) || limit < 0)
    throw new InvalidStateEntry('limit', `must be a whole number ≥ 0, not ${String(limit)}.`);
  return { prefix, after, upTo, backwards, limit };
}
