import type { EventStore, StoredEvent } from '@backstory/core';
import { EventNotFound } from './errors.js';

/** The event with this id. @throws EventNotFound */
export async function findEvent(events: EventStore, id: string): Promise<StoredEvent> {
  for await (const page of events.readAll({ ids: [id], includeSystem: true, scan: true })) {
    const [event] = page.events;
    if (event) return event;
  }
  throw new EventNotFound(id);
}
