import type { RecordedEvent, StoredEvent } from '@backstory/core';
import { isWellFormed } from '@backstory/core/store';
import type { SubscriptionDefinition } from './subscription-definition.js';

/**
 * The key of an event, and the event where it had to be read for that. Where no key can be had — the event cannot be read, or
 * the function throws or gives none — it is the stream, and reading the event again says what is wrong with it.
 */
export function keyOf(
  definition: SubscriptionDefinition,
  stored: StoredEvent,
): readonly [key: string, recorded: RecordedEvent<object> | undefined] {
  const { key } = definition.options;
  if (!key) return [stored.stream, undefined];
  try {
    const recorded = definition.decode(stored);
    const own = key(recorded);
    return [isKey(own) ? own : stored.stream, recorded];
  } catch {
    return [stored.stream, undefined];
  }
}

/** A state store keeps it, after the name of its partition. */
export function isKey(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    !value.includes('\0') &&
    isWellFormed(value) &&
    Buffer.byteLength(value) <= 1_000
  );
}
