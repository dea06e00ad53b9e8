import { AppendOutcomeUnknown, TransactionOutcomeUnknown } from './errors.js';

/**
 * Whether this is so of an error, or of something that caused it: looks through `cause` and the `errors` of an `AggregateError`, at each once and
 * at no more than 1,000. What cannot be looked at says nothing.
 */
export function someCause(error: unknown, isSo: (it: object) => boolean): boolean {
  const seen = new Set<unknown>();
  const found = [error];
  for (const it of found) {
    if (typeof it !== 'object' || it === null || seen.has(it)) continue;
    seen.add(it);
    try {
      if (isSo(it)) return true;
      const { cause, errors } = it as { readonly cause?: unknown; readonly errors?: unknown };
      found.push(cause, ...(Array.isArray(errors) ? (errors as unknown[]).slice(0, MOST) : []));
    } catch {
      continue;
    }
    if (seen.size >= MOST) return false;
  }
  return false;
}

/** Whether an error says, itself or by one of its causes, that nobody knows whether something was recorded. */
export function isOutcomeUnknown(error: unknown): boolean {
  return someCause(error, (it) => UNKNOWN.some((cls) => it instanceof cls));
}

const MOST = 1_000;
const UNKNOWN = [AppendOutcomeUnknown, TransactionOutcomeUnknown];
