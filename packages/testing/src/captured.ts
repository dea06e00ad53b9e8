import { modelOf, type EventSourcedAggregate } from '@backstory/aggregate';
import { categoryOf, idOf, type StoredEvent } from '@backstory/core';
import type { Class, Json } from '@backstory/events';
import { Given } from './given.js';

/** A stream as `backstory capture --test` writes it. */
export interface CapturedHistory {
  readonly stream: string;
  /** From the first. */
  readonly events: readonly (Pick<StoredEvent, 'type' | 'schemaVersion'> & { readonly data: Json })[];
  /** What the events made when they were captured, as it is stored. */
  readonly state: Json;
}

/** A captured stream, to go on from. */
export interface Captured {
  /** What has happened: `given.when(…).expect(…)`. */
  readonly given: Given<EventSourcedAggregate>;
  /** What the state was, for `expect({ state })`. */
  readonly state: unknown;
}

/** What happened in a log, for a test of what the code makes of it, or would do next. */
export function captured(
  { aggregates }: { readonly aggregates: readonly Class<EventSourcedAggregate>[] },
  { stream, events, state }: CapturedHistory,
): Captured {
  const cls = aggregates.find((it) => modelOf(it).category === categoryOf(stream));
  if (!cls) throw new TypeError(`No aggregate of the application folds ${stream}: add it to its aggregates.`);
  const model = modelOf(cls);
  const happened = events.map(({ type, schemaVersion, data }) => {
    const known = model.types.find(type);
    if (known) return known.decode({ schemaVersion, data: JSON.stringify(data) });
    throw new TypeError(`${model.name} has no handler for ${type}: add one, or @Ignores.`);
  });
  // Not structuredClone: what that gives belongs to no test environment.
  const at = { version: events.length, position: events.length };
  const restored = model.value(model.restore(idOf(stream), JSON.parse(JSON.stringify(state)) as Json, at));
  return { given: new Given(model, happened, idOf(stream)), state: propertiesOf(restored) };
}

/** Of an instance only what it holds is compared; a decider may have a state that is no object. */
function propertiesOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : value;
}
