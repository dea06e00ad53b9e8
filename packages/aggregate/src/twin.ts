import { types } from 'node:util';
import type { NewEvent } from '@backstory/core';
import { internals } from '@backstory/events/codec';
import { AggregateRecord, attachRecord, recordOf } from './aggregate-record.js';
import { isDeepFrozen } from './deep-freeze.js';
import { RaiseFailed } from './errors.js';
import { failureOf, fold } from './fold.js';

/**
 * A copy of an aggregate that only events reach. What differs when they have caught up, something else has changed. Where two
 * places hold one object, so they do in the copy: a handler may count on it.
 */
export function twinOf(aggregate: object): object {
  const { plan, id, version } = recordOf(aggregate);
  const twin = fill(madeLike(aggregate), aggregate, new Map());
  const record = new AggregateRecord(plan, id);
  record.version = version;
  attachRecord(twin, record);
  return twin;
}

/** Folds the next events onto the twin. */
export function catchUp(twin: object, events: readonly NewEvent[]): void {
  const record = recordOf(twin);
  for (const { type, schemaVersion = 1, data } of events) {
    const step = record.plan.steps.get(type)!;
    if (step.method !== undefined) foldOn(twin, step.method, step.type.decode({ schemaVersion, data }), type);
    record.version++;
  }
}

function foldOn(twin: object, method: string | symbol, event: object, type: string): void {
  const record = recordOf(twin);
  try {
    fold(twin, record, method, event);
  } catch (cause) {
    throw failureOf(
      record,
      cause,
      (handler, options) => new RaiseFailed(record.plan.name, record.id, type, handler, options),
    );
  }
}

/** An instance without properties. Its constructor runs, as only that gives it the `#methods` of its class. */
function madeLike(aggregate: object): object {
  const prototype = Object.getPrototypeOf(aggregate) as { constructor: new () => object };
  const made = new prototype.constructor();
  const isEmpty = Reflect.ownKeys(made).every((key) => Reflect.deleteProperty(made, key));
  return isEmpty ? made : (Object.create(prototype) as object);
}

/** What is frozen through and through stays itself: nothing can change it, and a handler may compare it with a constant. */
function copyOf(value: object, copies: Map<object, object>): object {
  const known = copies.get(value);
  if (known) return known;
  if (isDeepFrozen(value)) return value;
  return fill(emptyCopyOf(value), value, copies);
}

function fill(copy: object, value: object, copies: Map<object, object>): object {
  copies.set(value, copy);
  const member = (it: unknown) => (typeof it === 'object' && it !== null ? copyOf(it, copies) : it);
  if (types.isMap(value)) for (const [key, it] of value) (copy as Map<unknown, unknown>).set(key, member(it));
  if (types.isSet(value)) for (const it of value) (copy as Set<unknown>).add(member(it));
  for (const key of Reflect.ownKeys(value)) {
    if (key === internals) continue;
    const property = Object.getOwnPropertyDescriptor(value, key)!;
    if (Array.isArray(value) && key === 'length') (copy as unknown as unknown[]).length = value.length;
    else
      Object.defineProperty(copy, key, {
        ...property,
        value: member(property.value),
        writable: true,
        configurable: true,
      });
  }
  return copy;
}

function emptyCopyOf(value: object): object {
  if (types.isDate(value)) return new Date(value.getTime());
  if (types.isMap(value)) return new Map();
  if (types.isSet(value)) return new Set();
  if (Array.isArray(value)) return [];
  return Object.create(Object.getPrototypeOf(value) as object) as object;
}
