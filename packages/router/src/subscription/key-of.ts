import type { RecordedEvent, StoredEvent } from '@backstory/core';
import { ownKey } from './own-key.js';
import type { SubscriptionDefinition } from './subscription-definition.js';

/**
 * The key of an event, and the event where it had to be read for that. Where no key can be had — the event cannot be read, or
 * the function throws or gives none — it is the stream, and reading the event again says what is wrong with it.
 */
export function keyOf(
  definition: SubscriptionDefinition,
  stored: StoredEvent,
): readonly [key: string, recorded: RecordedEvent<object> | undefined] {
  const { name, options } = definition;
  const { key } = options;
  if (!key) return [stored.stream, undefined];
  try {
    const recorded = definition.decode(stored);
    return [ownKey(name, key, recorded), recorded];
  } catch {
    return [stored.stream, undefined];
  }
}
