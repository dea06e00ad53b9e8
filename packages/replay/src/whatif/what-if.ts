import type { EventSourcedAggregate } from '@backstory/aggregate';
import { idOf, type EventStore, type RecordedEvent, type StoredEvent } from '@backstory/core';
import type { Class, Json } from '@backstory/events';
import { changesBetween, type Change } from '../changes.js';
import { EventNotInFlow, NoAggregate } from '../errors.js';
import { headOf, modelFor, onlyFolded, readable, type ReplaySource } from '../stream-fold.js';
import { trace, type TraceNode } from '../trace.js';
import { alteredHistory, type Alterations } from './altered-history.js';

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
  return { stream, version: events.length, wouldBeAt: altered.length, happened, state, changes };
}

/** A flow without some of its events. */
export interface FlowWhatIf {
  readonly correlationId: string;
  /** The events that are left out, and all that followed from them. */
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
  const flow = await trace(source.events, correlationId, { limit: 10_000, ...(signal && { signal }) });
  const gone = descendants(flow.roots, new Set(skip));
  const missing = skip.find((id) => !gone.some((it) => it.id === id));
  if (missing !== undefined) throw new EventNotInFlow(missing, flow.correlationId);
  const versions = new Map<string, number[]>();
  for (const { stream, version } of gone) versions.set(stream, [...(versions.get(stream) ?? []), version]);
  const streams: WhatIf[] = [];
  for (const [stream, skipped] of versions)
    if (isFolded(source, stream))
      streams.push(await whatIf(source, stream, { skip: skipped, ...(signal && { signal }) }));
  return { correlationId: flow.correlationId, gone, streams };
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

/** In the order of the log. */
function descendants(roots: readonly TraceNode[], skipped: ReadonlySet<string>): readonly RecordedEvent[] {
  const gone: RecordedEvent[] = [];
  const open = roots.map((node) => ({ node, isGone: false }));
  for (let it = open.pop(); it; it = open.pop()) {
    const isGone = it.isGone || skipped.has(it.node.event.id);
    if (isGone) gone.push(it.node.event);
    for (const child of it.node.children) open.push({ node: child, isGone });
  }
  return gone.sort((a, b) => a.position - b.position);
}

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
  const aggregate = onlyFolded(model.create(idOf(stream)));
  model.fold(aggregate, events);
  const last = events.at(-1);
  return readable({ stream, version: events.length, type: last?.type }, () => model.state(aggregate));
}
