import type { RecordedEvent } from '@backstory/core';

/** What is known of an event's cause, where it is in the log. */
export type CauseText = Pick<RecordedEvent, 'type' | 'stream' | 'version'>;

const NOTABLE_MS = 1_000;

/** Who or what led to an event, and when, where that is not when it was recorded: a line for each that is known. */
export function whyTexts(
  { metadata, recordedAt }: RecordedEvent,
  cause: CauseText | null,
  { cause: isCauseTold = true }: { readonly cause?: boolean } = {},
): readonly string[] {
  const { actor, command, occurredAt } = metadata;
  const causationId = isCauseTold ? metadata.causationId : undefined;
  const who = [actor === undefined ? '' : `by ${actor}`, command === undefined ? '' : `command ${command}`];
  const late = recordedAt.getTime() - Date.parse(occurredAt);
  return [
    who.filter((it) => it !== '').join(', '),
    cause ? `caused by ${cause.type} (${cause.stream} v${cause.version})` : '',
    !cause && causationId !== undefined ? `caused by event ${causationId}, which is not in this log` : '',
    Math.abs(late) >= NOTABLE_MS ? `happened ${occurredAt}` : '',
  ].filter((it) => it !== '');
}

/** The flow that an event belongs to, where it is not its own, and the trace that it was recorded in. */
export function flowTexts(event: RecordedEvent): readonly string[] {
  const { correlationId } = event.metadata;
  return [...(correlationId === event.id ? [] : [`flow ${correlationId}`]), ...traceTexts(event)];
}

/** The trace that an event was recorded in, where there was one. */
export function traceTexts({ metadata }: Pick<RecordedEvent, 'metadata'>): readonly string[] {
  // https://www.w3.org/TR/trace-context/#traceparent-header
  const trace = metadata.traceparent?.split('-')[1];
  return trace === undefined ? [] : [`trace ${trace}`];
}
