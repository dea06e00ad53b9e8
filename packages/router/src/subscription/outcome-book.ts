import type { Entry } from './entry.js';
import { outcomeAt, resultText, writeOutcome, type Outcome } from './outcome.js';
import type { LeftOut } from './left-out.js';
import type { Lane, Partition } from './partition.js';
import type { ParkedKey } from './parked-key.js';
import type { SubscriptionOptions } from './subscription-options.js';

/** Notes what became of events, where the subscription wants it. It is stored with the checkpoint that covers it. */
export class OutcomeBook {
  constructor(private readonly kept: NonNullable<SubscriptionOptions['outcomes']>) {}

  /** An attempt begins. */
  begin(lane: Lane): void {
    if (this.kept !== 'none') lane.began = { at: Date.now(), clock: performance.now() };
  }

  handled(lane: Lane, handler: string, result: unknown): void {
    if (this.kept === 'none') return;
    const entry = lane.queue[0]!;
    const failed = failureOf(lane, handler, entry);
    const isFailure = failed !== undefined || lane.attempts > 0 || lane.replaying?.leftOut !== undefined;
    if (this.kept === 'failures' && !isFailure) return;
    const attempts = lane.attempts + 1;
    const text = resultText(result);
    this.note(lane.partition, {
      state: 'handled',
      ...about(lane, entry),
      handler,
      attempts,
      ...timesOf(lane),
      ...(text !== undefined && { result: text }),
      ...(failed && { reason: failed.reason, error: failed.error }),
    });
  }

  /** The event is not meant for this handler, though it may have been when it failed there. */
  unwanted(lane: Lane, handler: string): undefined {
    const entry = lane.queue[0]!;
    if (this.kept === 'none' || !failureOf(lane, handler, entry)) return;
    lane.partition.outcomes.set(outcomeAt({ position: entry.position, handler }), undefined);
  }

  /** An attempt failed: as the record of its key says. */
  failed(lane: Lane, { state, handler, attempts, reason, error }: ParkedKey): void {
    if (this.kept === 'none') return;
    this.note(lane.partition, {
      state: state === 'dead' ? 'dead' : 'retrying',
      ...about(lane, lane.queue[0]!),
      handler,
      attempts,
      ...timesOf(lane),
      reason,
      error,
    });
  }

  /** Somebody decided to leave out an event that had failed. */
  leftOut(partition: Partition, parked: ParkedKey, { action, actor, at, reason }: LeftOut): void {
    // While what waits is read again nothing of it has failed.
    if (this.kept === 'none' || parked.state === 'draining') return;
    const { eventId, cursor: position, stream, eventType, key, handler, attempts, error } = parked;
    this.note(partition, {
      state: action === 'skip' ? 'skipped' : 'discarded',
      ...{ eventId, position, stream, eventType, key, handler, attempts },
      ...{ startedAt: at, endedAt: new Date().toISOString(), durationMs: 0 },
      ...{ reason: parked.reason, error },
      decision: { actor, ...(reason !== undefined && { reason }) },
    });
  }

  private note(partition: Partition, outcome: Outcome): void {
    partition.outcomes.set(outcomeAt(outcome), writeOutcome(outcome));
  }
}

/** What is known of an attempt that failed before at this event and handler. */
function failureOf({ parked }: Lane, handler: string, { position }: Entry): ParkedKey | undefined {
  return parked?.cursor === position && parked.handler === handler ? parked : undefined;
}

function about({ key, replaying }: Lane, { stored }: Entry) {
  const { id: eventId, position, stream, type: eventType } = stored;
  return { eventId, position, stream, eventType, key, ...(replaying && { replay: replaying.id }) };
}

/** An event that cannot be read has no attempt that took time. */
function timesOf({ began }: Lane): Pick<Outcome, 'startedAt' | 'endedAt' | 'durationMs'> {
  const now = Date.now();
  const startedAt = new Date(began?.at ?? now).toISOString();
  const durationMs = began ? Math.round((performance.now() - began.clock) * 1_000) / 1_000 : 0;
  return { startedAt, endedAt: new Date(now).toISOString(), durationMs };
}
