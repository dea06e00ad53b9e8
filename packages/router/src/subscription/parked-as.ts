import { flowOf } from '@backstory/core/observe';
import type { Judged } from './failure-kind.js';
import { parkedError, type ParkedKey } from './parked-key.js';
import type { Lane } from './partition.js';

/** The record of a key whose first event failed. */
export function parkedAs(lane: Lane, { handler, error, kind, isSpent, delayMs }: Counted): ParkedKey {
  const { stored } = lane.queue[0]!;
  const before = lane.parked;
  const flow = flowOf(stored, lane.trace);
  return {
    key: lane.key,
    state: isSpent ? 'dead' : 'retrying',
    from: before?.from ?? stored.position,
    cursor: stored.position,
    eventId: stored.id,
    eventType: stored.type,
    stream: stored.stream,
    handler,
    attempts: lane.attempts,
    reason: kind,
    error: parkedError(error),
    parkedAt: before?.parkedAt ?? new Date().toISOString(),
    ...(!isSpent && { dueAt: new Date(Date.now() + delayMs).toISOString() }),
    ...(before?.edited && before.cursor === stored.position && { edited: before.edited }),
    ...(flow && { flow }),
  };
}

/** A failed attempt, and what follows. */
interface Counted extends Judged {
  readonly handler: string;
  readonly isSpent: boolean;
  readonly delayMs: number;
}
