import type { RecordedEvent } from '@backstory/core';
import type { ObservedEvent } from '@backstory/core/observe';

/** A recorded event as observers see it. */
export function observedEvent({ id, type, stream, position, metadata }: RecordedEvent): ObservedEvent {
  const { source, correlationId, occurredAt, traceparent, tracestate } = metadata;
  const trace =
    traceparent === undefined ? undefined : { traceparent, ...(tracestate !== undefined && { tracestate }) };
  return { id, type, stream, position, source, correlationId, occurredAt, trace };
}
