import type { EventStore } from './event-store.js';

/** How much is in a log, and how much of it is new; what the framework notes counts as well. */
export interface LogGrowth {
  /** The last position. */
  readonly head: number;
  /** Where positions have no gaps; so for what follows. */
  readonly events?: number;
  readonly lastHour?: number;
  /** Since midnight, UTC. */
  readonly today?: number;
}

/** Counts what came into a log lately, by positions: a few looks, however much that is. */
export async function logGrowth(
  log: Pick<EventStore, 'identity' | 'capabilities' | 'readAll'>,
  now = new Date(),
): Promise<LogGrowth> {
  const { head } = await log.identity();
  if (!log.capabilities.densePositions) return { head };
  const midnight = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()));
  const since = async (recordedFrom: Date) => {
    for await (const page of log.readAll({ recordedFrom, upTo: head, limit: 1, includeSystem: true })) {
      const [first] = page.events;
      if (first) return head - first.position + 1;
    }
    return 0;
  };
  const lastHour = await since(new Date(now.getTime() - 3_600_000));
  return { head, events: head, lastHour, today: await since(midnight) };
}
