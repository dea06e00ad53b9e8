import { InvalidQuery, readRecorded, type EventStore, type StoredEvent } from '@backstory/core';
import { isSystemStream } from '@backstory/core/store';
import { FlowNotFound } from './errors.js';

/** Everything recorded under one correlation id. */
export interface Flow {
  readonly correlationId: string;
  /** In the order of the log. */
  readonly events: readonly StoredEvent[];
  /** Present when the flow has more events than were asked for: these are only so many, the first. */
  readonly truncatedAt?: number;
}

/** How much of a flow is read. */
export interface FlowOptions {
  /** At most this many events, 1 to 10,000. */
  readonly limit?: number;
  /** Include events of system streams. The flow of a system event always does. */
  readonly includeSystem?: boolean;
  /** Ends the reading; it then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The flow that an event belongs to, or that a correlation id names. An id that is both means the event. @throws FlowNotFound, InvalidQuery */
export async function flowOf(
  store: EventStore,
  id: string,
  { limit = MOST, includeSystem = false, signal }: FlowOptions,
): Promise<Flow> {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MOST)
    throw new InvalidQuery('limit', `must be 1 to 10,000, not ${limit}.`);
  const asked = await eventById(store, id);
  const correlationId = asked ? readRecorded(asked).metadata.correlationId : id;
  const events: StoredEvent[] = [];
  for await (const page of store.readAll({
    correlationIds: [correlationId],
    includeSystem: includeSystem || (asked !== undefined && isSystemStream(asked.stream)),
    limit: limit + 1,
  })) {
    signal?.throwIfAborted();
    events.push(...page.events);
  }
  if (events.length === 0) throw new FlowNotFound(id);
  return events.length > limit
    ? { correlationId, events: events.slice(0, limit), truncatedAt: limit }
    : { correlationId, events };
}

const MOST = 10_000;

async function eventById(store: EventStore, id: string): Promise<StoredEvent | undefined> {
  for await (const page of store.readAll({ ids: [id], includeSystem: true, limit: 1 })) {
    const [event] = page.events;
    if (event) return event;
  }
  return undefined;
}
