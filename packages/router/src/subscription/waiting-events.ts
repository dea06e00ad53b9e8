import type { EventStore, StoredEvent } from '@backstory/core';
import { keyOf } from './key-of.js';
import type { WaitingRange } from './parking.js';
import type { SubscriptionDefinition } from './subscription-definition.js';

/** The events of a key in a part of the log. Where keys are streams an index gives them; else the part is gone through. */
export async function waitingEvents(
  events: EventStore,
  definition: SubscriptionDefinition,
  { key, from, upTo, limit }: WaitingRange,
): Promise<readonly StoredEvent[]> {
  if (from > upTo) return [];
  const { query, options } = definition;
  const byStream = options.key ? {} : { streams: [key], limit };
  const found: StoredEvent[] = [];
  for await (const page of events.readAll({ ...query, after: from - 1, upTo, ...byStream })) {
    for (const stored of page.events) {
      if (options.key && keyOf(definition, stored)[0] !== key) continue;
      if (found.push(stored) === limit) return found;
    }
  }
  return found;
}
