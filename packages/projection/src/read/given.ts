import type { RecordedEvent } from '@backstory/core';
import { InvalidOption, knownOptions, numberOption, type OptionNames } from '@backstory/core/store';
import { shown } from '@backstory/core/state';
import { requireKey } from '../definition/document-key.js';

/** How long to wait for documents. */
export interface CaughtUpOptions {
  /** Default 5,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

// What those who read have given: each refuses what is of another kind with InvalidOption, which says what to give.

export function requireKeys(keys: readonly string[]): void {
  refuseUnless('keys', Array.isArray(keys), { given: keys, wanted: "a list of keys, ['account-42']" });
  // Not forEach: it passes over holes.
  for (const key of keys) requireKey(key);
}

/** What is counted is all there is: conditions that are passed over would give another number than was asked for. */
export function requireAll(query: unknown): void {
  const wanted = 'left out: it counts all documents. Those that meet conditions are in the pages of `find`';
  refuseUnless('query', query === undefined, { given: query, wanted });
}

export function requirePlace(place: unknown): void {
  const isPlace = typeof place === 'string' || typeof place === 'function';
  const wanted = "a path, 'lines[2].price', or a function that finds a value in the document";
  refuseUnless('place', isPlace, { given: place, wanted });
}

export function requireAsk(ask: unknown): void {
  const wanted = 'a function that is given the tables: ({ sql, days }) => sql`select … from ${days}`';
  refuseUnless('ask', typeof ask === 'function', { given: ask, wanted });
}

export function requireListener(option: string, listener: unknown): void {
  const isOne = listener === undefined || typeof listener === 'function';
  refuseUnless(option, isOne, { given: listener, wanted: 'a function' });
}

/** What was raised or is to be recorded has no position yet. */
export function requireRecorded(recorded: RecordedEvent<object>): void {
  const { position, type, id, stream } = (recorded ?? {}) as Partial<RecordedEvent>;
  const isRecorded =
    Number.isSafeInteger(position) &&
    position! > 0 &&
    [type, id, stream].every((it) => typeof it === 'string' && it !== '');
  const wanted = 'an event as it was recorded, with its position: what a handler is given second';
  refuseUnless('recorded', isRecorded, { given: recorded, wanted });
}

export function waiting(options: CaughtUpOptions) {
  const { timeoutMs = 5_000, signal } = knownOptions(options, WAITING);
  const isSignal = signal === undefined || typeof signal?.throwIfAborted === 'function';
  refuseUnless('signal', isSignal, { given: signal, wanted: 'an AbortSignal' });
  return { timeoutMs: numberOption('timeoutMs', timeoutMs, 0, Infinity), signal };
}

const WAITING: OptionNames<CaughtUpOptions> = { timeoutMs: true, signal: true };

function refuseUnless(
  option: string,
  isIt: boolean,
  { given, wanted }: { readonly given: unknown; readonly wanted: string },
): void {
  if (!isIt) throw new InvalidOption(option, `must be ${wanted}, not ${shown(given)}.`);
}
