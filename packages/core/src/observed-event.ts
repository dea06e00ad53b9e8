import type { EventMetadata, RecordedEvent, StoredEvent } from './event.js';
import type { ObservedFlow } from './observed-facts.js';
import type { ObservedEvent } from './observed-work.js';
import type { TraceContext } from './trace-context.js';

/** A recorded event as observers see it. */
export function observedEvent(event: RecordedEvent): ObservedEvent {
  const { id, type, stream, position, recordedAt, metadata } = event;
  const { source, correlationId, causationId, tenant, occurredAt } = metadata;
  const trace = traceOf(metadata);
  return {
    id,
    type,
    stream,
    position,
    source,
    correlationId,
    causationId,
    tenant,
    occurredAt,
    recordedAt,
    trace,
  };
}

/** The traces that events were made in, each once for each event that has one. */
export function tracesOf(events: readonly StoredEvent[]): readonly TraceContext[] {
  return events.flatMap(({ metadata }) => {
    // Most events of a long log have none, and reading JSON is what costs.
    if (!metadata.includes('"traceparent"')) return [];
    return traceOf(JSON.parse(metadata) as EventMetadata) ?? [];
  });
}

/** The flow of a stored event, with the trace of an attempt at it; of one whose metadata cannot be read `undefined`. */
export function flowOf(
  { metadata }: Pick<StoredEvent, 'metadata'>,
  trace: TraceContext | undefined,
): ObservedFlow | undefined {
  try {
    const { correlationId, causationId } = JSON.parse(metadata) as EventMetadata;
    return { correlationId, ...(causationId !== undefined && { causationId }), ...(trace && { trace }) };
  } catch {
    return undefined;
  }
}

function traceOf({ traceparent, tracestate }: EventMetadata): TraceContext | undefined {
  if (traceparent === undefined) return undefined;
  return { traceparent, ...(tracestate !== undefined && { tracestate }) };
}
