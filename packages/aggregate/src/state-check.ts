import { isDeepStrictEqual } from 'node:util';
import type { NewEvent } from '@backstory/core';
import type { Json, JsonObject } from '@backstory/events';
import { recordOf, type AggregateRecord } from './aggregate-record.js';
import { ChangedWithoutEvent } from './errors.js';
import { catchUp, twinOf } from './twin.js';

// Looking at a whole state costs as much as the state is large. So that many raises on a large state do not cost the square
// of their number, each one earns a part of a look (decision 0008). What that leaves out is made up for before saving.

/** How many values of a state each raise pays for. A state of no more is looked at with every raise. */
const EARNED = 100;

/** Remembers the state that events have made, where it can be compared with: outside production, and where it may raise. */
export function keepFolded(aggregate: object): void {
  const record = recordOf(aggregate);
  record.folded = record.twin = undefined;
  if (!record.isDevelopment || record.isOnlyFolded) return;
  try {
    record.folded = JSON.stringify(look(aggregate, record));
  } catch {
    // It cannot be stored. One may look at it all the same; that is told when it raises.
  }
}

/** Before an event is folded: whether the state is still what the events before made of it. @throws ChangedWithoutEvent, UnstorableValue */
export function beforeFold(aggregate: object): void {
  const record = recordOf(aggregate);
  record.earned += EARNED;
  if (record.folded === undefined) return;
  compare(record, stateOf(aggregate, record), record.folded);
  if (isDue(record)) return;
  record.twin = twinOf(aggregate);
  record.folded = undefined;
}

/** After an event was folded, and before it is pending: whether the state can be stored. @throws UnstorableValue, ChangedWithoutEvent */
export function afterFold(aggregate: object, event: NewEvent): void {
  const record = recordOf(aggregate);
  if (!isDue(record)) return;
  record.earned = Math.max(0, record.earned - record.size);
  const state = look(aggregate, record);
  record.checkedAt = record.version + 1;
  if (record.twin) compareWithTwin(record, state, [event]);
  else if (record.isDevelopment) record.folded = JSON.stringify(state);
}

/**
 * Before saving: that the whole state can be stored, and, outside production, that it is what its events made of it.
 *
 * @throws UnstorableValue, ChangedWithoutEvent
 */
export function checkState(aggregate: object): void {
  const record = recordOf(aggregate);
  if (record.folded !== undefined) return compare(record, stateOf(aggregate, record), record.folded);
  const isKnown = record.pending.length === 0 || record.checkedAt === record.version;
  if (isKnown && !record.twin) return;
  try {
    const state = look(aggregate, record);
    if (record.twin) compareWithTwin(record, state);
    record.checkedAt = record.version;
  } catch (error) {
    // It is not known which of its events did it.
    record.spoil('its state cannot be saved', error);
    throw error;
  }
}

/**
 * Compares an aggregate's state with what its events make of it, and gives the error that names the properties that differ:
 * something other than an event changed them. `undefined` where they are equal.
 */
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

/** The state as plain JSON. @throws UnstorableValue naming the path: `account.state.lastSeen` */
export function stateOf(aggregate: object, { plan }: AggregateRecord): Json {
  return plan.form.encode(aggregate, plan.category);
}

/** The first event after a load or a save is always looked at: most aggregates raise one or two. */
function isDue(record: AggregateRecord): boolean {
  return record.pending.length === 0 || record.earned >= record.size;
}

function look(aggregate: object, record: AggregateRecord): Json {
  const state = stateOf(aggregate, record);
  record.size = sizeOf(state);
  return state;
}

/** `folded` is not pending yet. Of what is pending only what the twin has not seen is touched: there may be very many. */
function compareWithTwin(record: AggregateRecord, state: Json, folded: readonly NewEvent[] = []): void {
  const twin = record.twin!;
  const recorded = record.version - record.pending.length;
  catchUp(twin, [...record.pending.slice(recordOf(twin).version - recorded), ...folded]);
  compare(record, state, JSON.stringify(stateOf(twin, record)));
}

function compare(record: AggregateRecord, state: Json, folded: string): void {
  if (JSON.stringify(state) === folded) return;
  const stray = strayChange(record, state, JSON.parse(folded) as Json);
  if (stray) throw stray;
}

function sizeOf(json: Json): number {
  if (typeof json !== 'object' || json === null) return 1;
  let size = 1;
  for (const member of Object.values(json as JsonObject)) size += sizeOf(member);
  return size;
}

function isObject(json: Json): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
