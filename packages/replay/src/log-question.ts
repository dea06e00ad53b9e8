import { categoryOf, idOf, type RecordedEvent, type StreamHead } from '@backstory/core';
import { Expression } from './expression.js';

const EVENT_NAMES = [
  'id',
  'stream',
  'category',
  'streamId',
  'version',
  'position',
  'type',
  'schemaVersion',
  'data',
  'metadata',
  'recordedAt',
] as const;

/**
 * A question to events: `type == "account.withdrawn" && data.amount > 100`. Its names are those of a recorded event, with
 * `category` and `streamId`; times are text.
 *
 * @throws InvalidExpression
 */
export function eventQuestion(text: string): (event: RecordedEvent) => boolean {
  const expression = Expression.of(text, EVENT_NAMES);
  return (event) =>
    expression.holds((name) => {
      if (name === 'category') return categoryOf(event.stream);
      if (name === 'streamId') return idOf(event.stream);
      if (name === 'recordedAt') return event.recordedAt.toISOString();
      return event[name as keyof RecordedEvent];
    });
}

const STREAM_NAMES = ['stream', 'category', 'streamId', 'version', 'position', 'recordedAt'] as const;

/** A question to streams, of which each is known by its last event: `version > 100 && recordedAt < "2026-01-01"`. @throws InvalidExpression */
export function streamQuestion(text: string): (head: StreamHead) => boolean {
  const expression = Expression.of(text, STREAM_NAMES);
  return (head) =>
    expression.holds((name) => {
      if (name === 'category') return categoryOf(head.stream);
      if (name === 'streamId') return idOf(head.stream);
      if (name === 'recordedAt') return head.recordedAt.toISOString();
      return head[name as keyof StreamHead];
    });
}
