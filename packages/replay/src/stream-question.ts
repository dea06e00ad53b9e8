import { categoryOf, idOf, type StreamHead } from '@backstory/core';
import { Expression } from '@backstory/router/filter';

const NAMES = ['stream', 'category', 'streamId', 'version', 'position', 'recordedAt'] as const;

/** A question to streams, of which each is known by its last event: `version > 100 && recordedAt < "2026-01-01"`. @throws InvalidExpression */
export function streamQuestion(text: string): (head: StreamHead) => boolean {
  const expression = Expression.of(text, NAMES);
  return (head) =>
    expression.holds((name) => {
      if (name === 'category') return categoryOf(head.stream);
      if (name === 'streamId') return idOf(head.stream);
      if (name === 'recordedAt') return head.recordedAt.toISOString();
      return head[name as keyof StreamHead];
    });
}
