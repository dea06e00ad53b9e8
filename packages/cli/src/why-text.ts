import type { RecordedEvent } from '@backstory/core';

/** What is known of an event's cause, where it is in the log. */
export type CauseText = Pick<RecordedEvent, 'type' | 'stream' | 'version'>;

const NOTABLE_MS = 1_000;

/** Who or what led to an event, and when, where that is not when it was recorded: a line for each that is known. */
export function whyTexts(
  { metadata, recordedAt }: RecordedEvent,
  cause: CauseText | null,
): readonly string[] {
  const { actor, command, causationId, occurredAt } = metadata;
  const who = [actor === undefined ? '' : `by ${actor}`, command === undefined ? '' : `command ${command}`];
  const late = recordedAt.getTime() - Date.parse(occurredAt);
  return [
    who.filter((it) => it !== '').join(', '),
    cause ? `caused by ${cause.type} (${cause.stream} v${cause.version})` : '',
    !cause && causationId !== undefined ? `caused by event ${causationId}, which is not in this log` : '',
    Math.abs(late) >= NOTABLE_MS ? `happened ${occurredAt}` : '',
  ].filter((it) => it !== '');
}
