import type { NewEvent } from '@backstory/core';
import { checkMetadata, type GivenMetadata } from '@backstory/events/codec';
import { recordOf, type AggregateRecord } from './aggregate-record.js';
import { AsyncFold, RaiseFailed, RaiseInFold } from './errors.js';
import { stepFor, type FoldStep } from './fold-plan.js';
import { keepFolded, refuseStrayChange, stateOf } from './folded-state.js';
import { isProduction } from './is-production.js';

/** What may be said of an event when it is raised. The rest comes from the ambient context. */
export type RaiseMetadata = GivenMetadata;

/** Checks, encodes, decodes and folds an event, and remembers it. See `EventSourcedAggregate.raise`. */
export function raise(aggregate: object, event: object, metadata: RaiseMetadata = {}): void {
  const record = recordOf(aggregate);
  record.checkOpen();
  const step = stepFor(record.plan, event);
  if (record.folding !== undefined) refuseRaise(record, step);
  refuseStrayChange(aggregate);
  const encoded = step.type.encode(event);
  const stamped: NewEvent = { ...encoded, metadata: checkMetadata(metadata, step.type.name) };
  const readBack = step.type.decode(encoded);
  try {
    fold(aggregate, record, step, {
      event: isProduction() ? readBack : deepFreeze(readBack),
      failed: (handler, options) =>
        new RaiseFailed(record.plan.name, record.id, step.type.name, handler, options),
    });
    const state = stateOf(aggregate, record);
    keepFolded(record, () => state);
  } catch (error) {
    // Its state may be half changed.
    record.spoil(`folding ${step.type.name} failed`, error);
    throw error;
  }
  // Applied before it is remembered, so an event that cannot be applied is never saved.
  record.version++;
  record.pending.push(stamped);
}

/** Calls the handler of one event. The caller sees to the version. @throws AsyncFold, RaiseInFold, what `failed` gives */
export function fold(
  aggregate: object,
  record: AggregateRecord,
  { method }: FoldStep,
  { event, failed }: Folding,
): void {
  if (method === undefined) return;
  record.folding = method;
  try {
    const result = (aggregate as Record<string | symbol, (event: object) => unknown>)[method]!(event);
    // It raised, and swallowed the refusal.
    if (!record.isUsable) throw record.failure;
    if (isThenable(result)) throw new AsyncFold(handlerName(record, method));
  } catch (cause) {
    if (cause instanceof AsyncFold || cause instanceof RaiseInFold) throw cause;
    throw failed(handlerName(record, method), { cause });
  } finally {
    record.folding = undefined;
  }
}

/** What is folded, and how to say that its handler threw. */
export interface Folding {
  readonly event: object;
  readonly failed: (handler: string, options: { readonly cause: unknown }) => Error;
}

function handlerName(record: AggregateRecord, method: string | symbol): string {
  return `${record.plan.name}.${String(method)}`;
}

function refuseRaise(record: AggregateRecord, step: FoldStep): never {
  const error = new RaiseInFold(handlerName(record, record.folding!), step.type.cls.name);
  record.spoil('an event was raised while folding', error);
  throw error;
}

function isThenable(value: unknown): value is Promise<unknown> {
  if (typeof (value as { then?: unknown } | null | undefined)?.then !== 'function') return false;
  // Its failure is not lost: the fold is refused in any case.
  (value as Promise<unknown>).then(undefined, () => undefined);
  return true;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return ArrayBuffer.isView(value) ? value : Object.freeze(value);
}
