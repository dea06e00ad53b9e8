import { Context, newId, type EventMetadata, type NewEvent, type StoredEvent } from '@backstory/core';
import type { TraceContext } from '@backstory/core/observe';

/**
 * An event as it would have been recorded now, with version and position 0: it was not. It carries its flow on, and what it
 * follows from; nothing can follow from it, for causes are recorded events.
 */
export function transientEvent(
  stream: string,
  { type, schemaVersion = 1, data, metadata }: NewEvent,
  { source, trace }: { readonly source: string; readonly trace: TraceContext | undefined },
): StoredEvent {
  const id = newId();
  const { own, ...known } = Context.current().fields;
  const recordedAt = new Date();
  const whole: EventMetadata = {
    correlationId: known.correlationId ?? id,
    ...known,
    ...trace,
    source,
    occurredAt: recordedAt.toISOString(),
    ...own,
    ...metadata,
  };
  const place = { stream, version: 0, position: 0, appendIndex: 0, recordedAt };
  return { id, type, schemaVersion, data, metadata: JSON.stringify(whole), ...place };
}
