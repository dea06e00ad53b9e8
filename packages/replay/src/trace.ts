import { readRecorded, type EventStore, type RecordedEvent } from '@backstory/core';
import { flowOf, type FlowOptions } from './flow.js';

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

/** How much of a flow is read: at most `limit` events, 1 to 10,000. Default 1,000. */
export type TraceOptions = FlowOptions;

/**
 * The flow that an event belongs to, or that a correlation id names. An id that is both means the event.
 *
 * @throws FlowNotFound, InvalidQuery
 */
export async function trace(store: EventStore, id: string, options: TraceOptions = {}): Promise<Trace> {
  const { correlationId, events, truncatedAt } = await flowOf(store, id, { limit: 1_000, ...options });
  const roots = treeOf(events.map(readRecorded));
  return { correlationId, roots, ...(truncatedAt !== undefined && { truncatedAt }) };
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
