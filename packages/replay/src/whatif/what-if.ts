import type { EventSourcedAggregate } from '@backstory/aggregate';
import { idOf, readRecorded, type EventStore, type RecordedEvent, type StoredEvent } from '@backstory/core';
import { isSystemStream } from '@backstory/core/store';
import type { Class, Json } from '@backstory/events';
import { changesBetween, type Change } from '../changes.js';
import { EventNotInFlow, NoAggregate } from '../errors.js';
import { flowOf } from '../flow.js';
import { ONLY_FOLDED, headOf, modelFor, readable, type ReplaySource } from '../stream-fold.js';
import { alteredHistory, editedValues, type Alterations, type EditedValue } from './altered-history.js';

/** What would be otherwise: the events, or the code that folds them. */
export interface WhatIfOptions extends Alterations {
  /** Aggregates of another build, which fold what would have been. */
  readonly code?: readonly Class<EventSourcedAggregate>[];
  readonly signal?: AbortSignal;
}

/** What a stream would be, and how that differs from what it is. */
export interface WhatIf {
  readonly stream: string;
  /** The version that the stream is at, and the one that it would be at. */
  readonly version: number;
  readonly wouldBeAt: number;
  readonly happened: Json;
  readonly state: Json;
  /** From what is to what would be. */
  readonly changes: readonly Change[];
  /** Of each edit, the value that was recorded and the one in its place. */
  readonly edited?: readonly EditedValue[];
}

/**
 * What a stream would be if other events had happened, or other code folded them. Nothing is written. Events are folded again; the
 * decisions that led to them are not taken again, so what would not have been decided then is still there.
 *
 * @throws VersionOutOfRange, InvalidQuery; UnknownEventType, UnreadableEvent, FoldFailed, UnreadableState — of what would have been,
 * with its own versions
 */
export async function whatIf(source: ReplaySource, stream: string, options: WhatIfOptions): Promise<WhatIf> {
  const { code, signal, ...alterations } = options;
  const events = await eventsOf(source.events, stream, signal);
  const happened = folded(source.aggregates, stream, events);
  const altered = alteredHistory(stream, events, alterations);
  const state = folded(code ?? source.aggregates, stream, altered);
  const changes = changesBetween(happened, state, modelFor(source.aggregates, stream).type);
  const edited = alterations.edit && editedValues(events, alterations.edit);
  return {
    stream,
    version: events.length,
    wouldBeAt: altered.length,
    happened,
    state,
    changes,
    ...(edited && { edited }),
  };
}

/** A flow without some of its events. */
export interface FlowWhatIf {
  readonly correlationId: string;
  /** The events that are left out, and all that followed from them, in this flow and in others. */
  readonly gone: readonly RecordedEvent[];
  /** Each stream that would be another. Streams that no aggregate folds are not among them. */
  readonly streams: readonly WhatIf[];
}

/**
 * What would not have followed, and what every stream would be, if some events of a flow had not happened.
 *
 * @throws FlowNotFound, EventNotInFlow, and what {@link whatIf} throws
 */
export async function whatIfFlow(
  source: ReplaySource,
  correlationId: string,
  { skip, signal }: { readonly skip: readonly string[]; readonly signal?: AbortSignal },
): Promise<FlowWhatIf> {
  const { correlationId: flow } = await flowOf(source.events, correlationId, { limit: 1 });
  const left = await skippedIn(source.events, flow, skip);
  const gone = await withFollowing(source.events, left, signal);
  const versions = new Map<string, number[]>();
  for (const { stream, version } of gone) versions.set(stream, [...(versions.get(stream) ?? []), version]);
  const streams: WhatIf[] = [];
  for (const [stream, skipped] of versions)
    if (isFolded(source, stream))
      streams.push(await whatIf(source, stream, { skip: skipped, ...(signal && { signal }) }));
  return { correlationId: flow, gone, streams };
}

function isFolded({ aggregates }: ReplaySource, stream: string): boolean {
  try {
    modelFor(aggregates, stream);
    return true;
  } catch (error) {
    if (error instanceof NoAggregate) return false;
    throw error;
  }
}

/** @throws EventNotInFlow */
async function skippedIn(
  store: EventStore,
  flow: string,
  skip: readonly string[],
): Promise<readonly RecordedEvent[]> {
  const skipped = new Map<string, RecordedEvent>();
  for await (const { events } of store.readAll({ ids: skip, correlationIds: [flow], includeSystem: true }))
    for (const event of events) skipped.set(event.id, readRecorded(event));
  const missing = skip.find((id) => !skipped.has(id));
  if (missing !== undefined) throw new EventNotInFlow(missing, flow);
  return [...skipped.values()];
}

/** Events with all that followed from them, also in other flows, in the order of the log. */
async function withFollowing(
  store: EventStore,
  skipped: readonly RecordedEvent[],
  signal: AbortSignal | undefined,
): Promise<readonly RecordedEvent[]> {
  const gone = new Map(skipped.map((event) => [event.id, event]));
  for (let causes = [...skipped]; causes.length > 0;) {
    const causationIds = causes.splice(0, ASKED_AT_ONCE).map((it) => it.id);
    for await (const { events } of store.readAll({ causationIds, includeSystem: true })) {
      signal?.throwIfAborted();
      for (const event of events.map(readRecorded)) {
        const cause = gone.get(event.metadata.causationId!)!;
        // A cause comes before what it caused; what does not is no cause.
        if (gone.has(event.id) || event.position <= cause.position) continue;
        gone.set(event.id, event);
        causes.push(event);
      }
    }
  }
  return [...gone.values()]
    .filter((it) => !isSystemStream(it.stream) || skipped.includes(it))
    .sort((a, b) => a.position - b.position);
}

const ASKED_AT_ONCE = 500;

async function eventsOf(
  store: EventStore,
  stream: string,
  signal?: AbortSignal,
): Promise<readonly StoredEvent[]> {
  const upTo = await headOf(store, stream);
  const events: StoredEvent[] = [];
  for await (const page of store.readStream(stream, { upTo })) {
    signal?.throwIfAborted();
    events.push(...page.events);
  }
  return events;
}

function folded(
  aggregates: ReplaySource['aggregates'],
  stream: string,
  events: readonly StoredEvent[],
): Json {
  const model = modelFor(aggregates, stream);
  const aggregate = model.create(idOf(stream), ONLY_FOLDED);
  model.fold(aggregate, events);
  const last = events.at(-1);
  return readable({ stream, version: events.length, type: last?.type }, () => model.state(aggregate));
}
