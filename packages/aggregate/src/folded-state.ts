import { isDeepStrictEqual } from 'node:util';
import type { Json, JsonObject } from '@backstory/events';
import { recordOf, type AggregateRecord } from './aggregate-record.js';
import { ChangedWithoutEvent } from './errors.js';
import { isProduction } from './is-production.js';

/**
 * Refuses an aggregate whose state is not what its events made of it. In production nothing is kept that it could be
 * compared with, and nothing is refused.
 *
 * @throws ChangedWithoutEvent, UnstorableValue
 */
export function refuseStrayChange(aggregate: object): void {
  const record = recordOf(aggregate);
  if (record.folded === undefined) return;
  const state = stateOf(aggregate, record);
  if (JSON.stringify(state) === record.folded) return;
  const stray = strayChange(record, state, JSON.parse(record.folded) as Json);
  if (stray) throw stray;
}

/** How the state of an aggregate differs from what its events make of it; `undefined` where it does not. */
export function strayChange(
  { plan, id }: Pick<AggregateRecord, 'plan' | 'id'>,
  state: Json,
  folded: Json,
): ChangedWithoutEvent | undefined {
  const [is, was] = isObject(state) && isObject(folded) ? [state, folded] : [{ state }, { state: folded }];
  const names = new Set([...Object.keys(was), ...Object.keys(is)]);
  const differing = [...names].filter((name) => !isDeepStrictEqual(is[name], was[name]));
  return differing.length === 0 ? undefined : new ChangedWithoutEvent(plan.name, id, differing);
}

/** Remembers that this is the state that the events made. */
export function keepFolded(record: AggregateRecord, state: () => Json): void {
  record.folded = undefined;
  if (isProduction()) return;
  try {
    record.folded = JSON.stringify(state());
  } catch {
    // It cannot be stored. One may look at it all the same; that is told when it raises.
  }
}

/** The state as plain JSON. @throws UnstorableValue naming the path: `account.state.lastSeen` */
export function stateOf(aggregate: object, { plan }: AggregateRecord): Json {
  return plan.form.encode(aggregate, plan.category);
}

function isObject(json: Json): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
