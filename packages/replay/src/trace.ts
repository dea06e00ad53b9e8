import { InvalidQuery, readRecorded, type EventStore, type RecordedEvent } from '@backstory/core';
import { isSystemStream } from '@backstory/core/store';
import { FlowNotFound } from './errors.js';

/** An event of a flow, with the events it caused in the order they were recorded. */
export interface TraceNode {
  readonly event: RecordedEvent;
  readonly children: readonly TraceNode[];
}

/** A flow: everything recorded under one correlation id, as the tree of what caused what. */
export interface Trace {
  readonly correlationId: string;
  /** Events that no earlier event of the flow caused. */
  readonly roots: readonly TraceNode[];
  /** Present when the flow has more events than were asked for: only this many, the first, are in the tree. */
  readonly truncatedAt?: number;
}

/** How much of a flow is read. */
export interface TraceOptions {
  /** At most this many events, 1 to 10,000. Default 1,000. */
  readonly limit?: number;
  /** Include events of system streams. The flow of a system event always does. */
  readonly includeSystem?: boolean;
  /** Ends the reading; it then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * The flow that an event belongs to, or that a correlation id names. An id that is both means the event.
 *
 * @throws FlowNotFound, InvalidQuery
 */
export async function trace(
  store: EventStore,
  id: string,
  { limit = 1_000, includeSystem = false, signal }: TraceOptions = {},
): Promise<Trace> {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 10_000)
    throw new InvalidQuery('limit', `must be 1 to 10,000, not ${limit}.`);
  const asked = await eventById(store, id);
  const correlationId = asked?.metadata.correlationId ?? id;
  const flow: RecordedEvent[] = [];
  const system = includeSystem || (asked !== undefined && isSystemStream(asked.stream));
  for await (const page of store.readAll({
    correlationIds: [correlationId],
    includeSystem: system,
    limit: limit + 1,
  })) {
    signal?.throwIfAborted();
    flow.push(...page.events.map(readRecorded));
  }
  if (flow.length === 0) throw new FlowNotFound(id);
  const roots = treeOf(flow.slice(0, limit));
  return flow.length > limit ? { correlationId, roots, truncatedAt: limit } : { correlationId, roots };
}

async function eventById(store: EventStore, id: string): Promise<RecordedEvent | undefined> {
  for await (const page of store.readAll({ ids: [id], includeSystem: true, limit: 1 })) {
    const [event] = page.events;
    if (event) return readRecorded(event);
  }
  return undefined;
}

/** In position order a cause comes before what it caused; a cause that does not is no cause, so there are no cycles. */
function treeOf(flow: readonly RecordedEvent[]): readonly TraceNode[] {
  const roots: TraceNode[] = [];
  const childrenOf = new Map<string, TraceNode[]>();
  for (const event of flow) {
    const children: TraceNode[] = [];
    const siblings = childrenOf.get(event.metadata.causationId ?? '') ?? roots;
    siblings.push({ event, children });
    childrenOf.set(event.id, children);
  }
  return roots;
}
