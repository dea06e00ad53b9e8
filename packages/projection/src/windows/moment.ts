import type { RecordedEvent } from '@backstory/core';

/**
 * When an event happened, as it says itself. What is said to happen later than it was recorded counts as when it was recorded: one wrong
 * clock would otherwise close every window.
 */
export function momentOf({ recordedAt, metadata }: Pick<RecordedEvent, 'recordedAt' | 'metadata'>): number {
  return Math.min(Date.parse(metadata.occurredAt), recordedAt.getTime());
}
