import type { NewEvent } from '@backstory/core';
import { checkMetadata, type GivenMetadata } from '@backstory/events/codec';
import { recordOf, type AggregateRecord } from './aggregate-record.js';
import { deepFreeze } from './deep-freeze.js';
import { RaiseFailed, RaiseInFold } from './errors.js';
import { failureOf, fold, handlerName } from './fold.js';
import { stepFor, type FoldStep } from './fold-plan.js';
import { afterFold, beforeFold } from './state-check.js';

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
  const readBack = step.type.decode(encoded);
  if (record.isDevelopment) deepFreeze(readBack);
  return { step, stamped, readBack };
}

function apply(aggregate: object, record: AggregateRecord, { step, stamped, readBack }: Raised): void {
  beforeFold(aggregate);
  try {
    if (step.method !== undefined) fold(aggregate, record, step.method, readBack);
    afterFold(aggregate, stamped);
  } catch (cause) {
    const { name } = record.plan;
    const error = failureOf(
      record,
      cause,
      (handler, options) => new RaiseFailed(name, record.id, step.type.name, handler, options),
    );
    // Its state may be half changed.
    record.spoil(`folding ${step.type.name} failed`, error);
    throw error;
  }
  // Applied before it is remembered, so an event that cannot be applied is never saved.
  record.version++;
  record.pending.push(stamped);
}

function refuseRaise(record: AggregateRecord, step: FoldStep): never {
  const error = new RaiseInFold(handlerName(record, record.folding!), step.type.cls.name);
  record.spoil('an event was raised while folding', error);
  throw error;
}
