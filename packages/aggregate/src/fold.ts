import type { AggregateRecord } from './aggregate-record.js';
import { AsyncFold, RaiseInFold } from './errors.js';
import { isThenable } from './thenable.js';

/**
 * Calls the handler of one event. When it throws, `record.folding` still names it: see {@link failureOf}. The caller sees to
 * the version. Runs for every event of every load, so it makes nothing but the call.
 */
export function fold(
  aggregate: object,
  record: AggregateRecord,
  method: string | symbol,
  event: object,
): void {
  record.folding = method;
  const result = (aggregate as Record<string | symbol, (event: object) => unknown>)[method]!(event);
  // It raised, and swallowed the refusal.
  if (!record.isUsable) throw record.failure;
  if (result !== undefined && isThenable(result)) throw new AsyncFold(handlerName(record, method));
  record.folding = undefined;
}

/** What to say when folding threw: what a handler threw is told by `failed`, with the name of the handler. */
export function failureOf(
  record: AggregateRecord,
  cause: unknown,
  failed: (handler: string, options: { readonly cause: unknown }) => Error,
): unknown {
  const handler = record.folding;
  record.folding = undefined;
  if (handler === undefined || cause instanceof AsyncFold || cause instanceof RaiseInFold) return cause;
  return failed(handlerName(record, handler), { cause });
}

/** `Account.deposited` */
export function handlerName(record: AggregateRecord, method: string | symbol): string {
  return `${record.plan.name}.${String(method)}`;
}
