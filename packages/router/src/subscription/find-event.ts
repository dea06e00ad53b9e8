import type { EventStore, StoredEvent } from '@backstory/core';
import { shown } from '@backstory/core/state';
import { InvalidOption, LIMITS, isName } from '@backstory/core/store';
import { EventNotFound } from './errors.js';

/** The event with this id. @throws EventNotFound, InvalidOption */
export async function findEvent(events: EventStore, id: string): Promise<StoredEvent> {
  if (!isName(id, LIMITS.idBytes))
    throw new InvalidOption('event', `must be the id of an event, not ${shown(id)}.`);
  for await (const page of events.readAll({ ids: [id], includeSystem: true, scan: true })) {
    const [event] = page.events;
    if (event) return event;
  }
  throw new EventNotFound(id);
}
