import type { NewEvent } from '@backstory/core';
import { checkMetadata, type GivenMetadata } from '@backstory/events/codec';
import { recordOf, type AggregateRecord } from './aggregate-record.js';
import { freezeInDevelopment } from './deep-freeze.js';
import { AsyncFold, RaiseFailed, RaiseInFold } from './errors.js';
import { stepFor, type FoldStep } from './fold-plan.js';
import { keepFolded, refuseStrayChange, stateOf } from './folded-state.js';
import { isThenable } from './thenable.js';

/** What may be said of an event when it is raised. The rest comes from the ambient context. */
export type RaiseMetadata = GivenMetadata;

/** Checks, encodes, decodes and folds an event, and remembers it. See `EventSourcedAggregate.raise`. */
export function raise(aggregate: object, event: object, metadata: RaiseMetadata = {}): void {
  const record = openRecord(aggregate);
  apply(aggregate, record, prepare(record, event, metadata));
}

/** The same with several: when one of them is refused, none is raised. */
export function raiseAll(aggregate: object, events: readonly object[]): void {
  const record = openRecord(aggregate);
  for (const raised of events.map((event) => prepare(record, event, {}))) apply(aggregate, record, raised);
}

function openRecord(aggregate: object): AggregateRecord {
  const record = recordOf(aggregate);
  record.checkOpen();
  return record;
}

/** An event that may be raised: as it will be recorded, and as it will be read back. */
interface Raised {
  readonly step: FoldStep;
  readonly stamped: NewEvent;
  readonly readBack: object;
}

function prepare(record: AggregateRecord, event: object, metadata: RaiseMetadata): Raised {
  const step = stepFor(record.plan, event);
  if (record.folding !== undefined) refuseRaise(record, step);
  const encoded = step.type.encode(event);
  const stamped: NewEvent = { ...encoded, metadata: checkMetadata(metadata, step.type.name) };
  return { step, stamped, readBack: freezeInDevelopment(step.type.decode(encoded)) };
}

function apply(aggregate: object, record: AggregateRecord, { step, stamped, readBack }: Raised): void {
  refuseStrayChange(aggregate);
  try {
    fold(aggregate, record, step, {
      event: readBack,
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
