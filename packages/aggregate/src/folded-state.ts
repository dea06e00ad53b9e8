import { isDeepStrictEqual } from 'node:util';
import { encodeInstance, type JsonObject } from '@backstory/events';
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
  const stray = strayChange(record, state, JSON.parse(record.folded) as JsonObject);
  if (stray) throw stray;
}

/** How the state of an aggregate differs from what its events make of it; `undefined` where it does not. */
export function strayChange(
  { plan, id }: Pick<AggregateRecord, 'plan' | 'id'>,
  state: JsonObject,
  folded: JsonObject,
): ChangedWithoutEvent | undefined {
  const names = new Set([...Object.keys(folded), ...Object.keys(state)]);
  const differing = [...names].filter((name) => !isDeepStrictEqual(state[name], folded[name]));
  return differing.length === 0 ? undefined : new ChangedWithoutEvent(plan.name, id, differing);
}

/** Remembers that this is the state that the events made. */
export function keepFolded(record: AggregateRecord, state: () => JsonObject): void {
  record.folded = undefined;
  if (isProduction()) return;
  try {
    record.folded = JSON.stringify(state());
  } catch {
    // It cannot be stored. One may look at it all the same; that is told when it raises.
  }
}

/** The state as plain JSON. @throws UnstorableValue naming the path: `account.state.lastSeen` */
export function stateOf(aggregate: object, record: AggregateRecord): JsonObject {
  return encodeInstance(aggregate, `${record.plan.category}.state`);
}
