import type { EventStore } from '@backstory/core';

/** A part of the log: the positions after one, up to another. */
export interface Between {
  readonly after: number;
  readonly upTo: number;
}

/**
 * Up to where something that has every event of these types up to `after` has every event: before the first that follows, or `upTo`
 * where none does.
 */
export async function evenUpTo(
  events: EventStore,
  types: readonly string[],
  { after, upTo }: Between,
): Promise<number> {
  if (after >= upTo) return after;
  for await (const page of events.readAll({ after, upTo, types, limit: 1 }))
    if (page.events[0]) return page.events[0].position - 1;
  return upTo;
}
