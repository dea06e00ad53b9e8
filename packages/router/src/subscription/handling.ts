import type { RecordedEvent } from '@backstory/core';
import { FenceLost } from '@backstory/core/state';
import type { Observer } from '@backstory/core/observe';
import { Attempts, failedBy, type Ended, type Failure } from './attempts.js';
import { batchHandlerOf, gather, together, waitOf } from './batches.js';
import type { Breaker } from './breaker.js';
import type { Effects } from './delivery.js';
import type { Entry } from './entry.js';
import type { OutcomeBook } from './outcome-book.js';
import type { Lane, Partition } from './partition.js';
import { judged, type Judged } from './failure-kind.js';
import { RESUME, type Parking } from './parking.js';
import { parkedAs } from './parked-as.js';
import { parkedError, type FailureKind } from './parked-key.js';
import type { Handler } from './reaction.js';
import type { SubscriptionDefinition } from './subscription-definition.js';
import type { Workload } from './workload.js';

/** What handling needs of the subscription it works for. */
export interface HandlingHost extends Effects {
  /** Another process has this partition. */
  lost(partition: Partition): void;
  /** What should not fail has: it cannot go on by itself. */
  failed(error: unknown): void;
}

/** What handling works with. */
export interface HandlingParts {
  readonly definition: SubscriptionDefinition;
  readonly work: Workload;
  readonly parking: Parking;
  readonly breaker: Breaker;
  readonly outcomes: OutcomeBook;
  readonly host: HandlingHost;
  readonly observer: Observer;
  /** A lane was dealt with. */
  readonly pump: () => void;
  /** A probe has found nothing out: the next one is not waited for. */
  readonly probeNext: () => void;
}

/** Takes the first event of a key to its handlers, one after another, and decides what a failure means. */
export class Handling {
  readonly attempts: Attempts;

  constructor(private readonly parts: HandlingParts) {
    const { definition, host, observer } = parts;
    this.attempts = new Attempts(definition.name, host, observer, (lane, handler, how) => {
      if (!lane.partition.isOpen) return;
      try {
        if (lane.batch) this.batchEnded(lane, handler, how);
        else this.ended(lane, handler, how);
      } catch (error) {
        host.failed(error);
      }
      parts.pump();
    });
  }

  begin(lane: Lane): void {
    this.parts.work.begin(lane);
    const handler = batchHandlerOf(this.parts.definition, lane);
    if (!handler || !this.beginBatch(lane, handler)) this.step(lane);
  }

  /** `false`: its first event is to be handled alone. */
  private beginBatch(lane: Lane, handler: Handler): boolean {
    const { definition, work, parking, outcomes, host: effects } = this.parts;
    const parts = gather(definition, lane, handler.batch!);
    if (parts.length === 0) return false;
    const waitMs = waitOf(parts, handler.batch!);
    if (waitMs > 0) {
      work.end(lane);
      parking.wait(lane, waitMs);
      return true;
    }
    const whole = together({ subscription: definition.name, effects }, handler, parts);
    lane.batch = parts;
    outcomes.begin(lane);
    const how = this.attempts.run(lane, whole, parts[0]!.entries[0]!.recorded!);
    if (how !== 'under way') this.batchEnded(lane, whole, how);
    return true;
  }

  /** Together they are handled, or wait for an outage to end; or one of them is to blame, and each has its own turn. */
  private batchEnded(first: Lane, handler: Handler, { failure, result }: Ended): void {
    const { work, breaker, outcomes, host } = this.parts;
    const parts = first.batch!;
    first.batch = undefined;
    first.trace = undefined;
    if (failure && isLost(failure, first)) return host.lost(first.partition);
    const kind = failure && this.judged(failure).kind;
    if (kind === 'infrastructure')
      breaker.open(kind, `${handler.name}: ${parkedError(failure!.error).message}`);
    work.end(first);
    for (const { lane, entries } of parts) {
      if (kind && kind !== 'infrastructure') lane.alone = entries.length;
      lane.began = first.began;
      for (const entry of entries) {
        entry.recorded = undefined;
        if (kind) continue;
        breaker.succeeded(false);
        this.finish(lane, entry, () => outcomes.handled(lane, handler.name, result));
      }
      this.goOn(lane);
    }
  }

  /** Goes on with the next handler. Those that are not asynchronous run without a promise. */
  private step(lane: Lane): void {
    const entry = lane.queue[0]!;
    const handlers = this.parts.definition.handlersOf(entry);
    if (lane.handler === RESUME) lane.handler = resumedAt(handlers, lane.parked?.handler);
    for (let handler = handlers[lane.handler]; handler; handler = handlers[++lane.handler]) {
      const recorded = this.read(lane, entry);
      if (!recorded) return;
      const how = this.run(lane, handler, recorded);
      if (how === 'under way') return;
      if (how?.failure) return this.failed(lane, handler, how.failure);
      if (how) this.answered(lane, handler, how);
      lane.attempts = 0;
    }
    this.handled(lane, entry);
  }

  private read(lane: Lane, entry: Entry): RecordedEvent<object> | undefined {
    const { edited, cursor } = lane.parked ?? {};
    try {
      if (!edited || cursor !== entry.position)
        return (entry.recorded ??= this.parts.definition.read(entry.stored));
      return this.parts.definition.decodeEdited(entry.stored, edited.data);
    } catch (error) {
      lane.isAnswered = false;
      this.tell(this.parts, lane);
      this.count(lane, undefined, { error, kind: 'cannot-decode' });
      return undefined;
    }
  }

  /** `undefined`: the event is not meant for this handler. */
  private run(
    lane: Lane,
    handler: Handler,
    recorded: RecordedEvent<object>,
  ): 'under way' | Ended | undefined {
    const { outcomes } = this.parts;
    outcomes.begin(lane);
    try {
      if (handler.matches && !handler.matches(recorded)) return outcomes.unwanted(lane, handler.name);
    } catch (error) {
      return failedBy(error);
    }
    // What one handler makes of it no other is given, and no other attempt: it is read again.
    lane.queue[0]!.recorded = undefined;
    return this.attempts.run(lane, handler, recorded);
  }

  private ended(lane: Lane, handler: Handler, { failure, result }: Ended): void {
    if (failure) return this.failed(lane, handler, failure);
    this.answered(lane, handler, { result });
    lane.attempts = 0;
    lane.handler++;
    this.step(lane);
  }

  private answered(lane: Lane, handler: Handler, { result }: Pick<Ended, 'result'>): void {
    this.parts.outcomes.handled(lane, handler.name, result);
    lane.isAnswered = true;
  }

  /** What no handler wanted, or none could be given, says nothing of an outage. */
  private tell({ breaker, probeNext }: HandlingParts, lane: Lane): void {
    const { isProbe, isAnswered } = lane;
    lane.isProbe = lane.isAnswered = false;
    if (isAnswered) breaker.succeeded(isProbe);
    else if (isProbe) probeNext();
  }

  private handled(lane: Lane, entry: Entry): void {
    const { work, parking } = this.parts;
    if (lane.replaying) return this.replayed(lane, 'handled');
    work.end(lane);
    this.finish(lane, entry);
    this.tell(this.parts, lane);
    if (lane.parked) parking.advance(lane, entry.position + 1);
    this.goOn(lane);
  }

  /** The first event of a key is dealt with. */
  private finish(lane: Lane, entry: Entry, note?: () => void): void {
    note?.();
    lane.queue.shift();
    entry.recorded = undefined;
    this.parts.work.held--;
    lane.handler = lane.attempts = 0;
    lane.trace = undefined;
    if (lane.alone > 0) lane.alone--;
    lane.partition.tracker.finish(entry);
  }

  private goOn(lane: Lane): void {
    const { work, parking } = this.parts;
    const first = lane.queue[0];
    if (first) work.makeReady(lane, first);
    else if (lane.parked) parking.next(lane);
    else lane.partition.lanes.delete(lane.key);
  }

  /** An event was handled again, or failed for good: nothing waits behind it. */
  private replayed(lane: Lane, how: 'handled' | 'failed'): void {
    this.parts.work.end(lane);
    if (how === 'handled') this.tell(this.parts, lane);
    lane.isProbe = false;
    lane.partition.replaying = undefined;
    lane.replaying!.end(how);
  }

  private failed(lane: Lane, handler: Handler, failure: Failure): void {
    const { breaker, host } = this.parts;
    if (isLost(failure, lane)) return host.lost(lane.partition);
    const { kind, error } = this.judged(failure);
    this.judge(lane, kind, `${handler.name}: ${parkedError(error).message}`);
    if (breaker.outage) this.postpone(lane);
    else this.count(lane, handler, { error, kind });
  }

  /** Whether it looks like an outage, or like the end of one. */
  private judge(lane: Lane, kind: FailureKind, reason: string): void {
    const { breaker } = this.parts;
    const { isProbe } = lane;
    lane.isProbe = false;
    if (kind === 'infrastructure') {
      breaker.open('infrastructure', reason);
      if (isProbe) breaker.probeFailed();
    } else if (isProbe) {
      // What the handler needs has answered where it was not there: this event alone is to blame.
      if (breaker.outage === 'infrastructure' && kind === 'poison') breaker.close();
      else breaker.probeFailed();
    } else if (!breaker.outage && lane.attempts === 0 && !lane.parked && !lane.replaying) {
      breaker.failed(lane.key, reason);
      if (breaker.outage) this.forgive();
    }
  }

  private judged({ error, isTimeOut }: Failure): Judged {
    return isTimeOut ? { kind: 'time-out', error } : judged(this.parts.definition.options.classify, error);
  }

  /** In an outage no attempt counts, and neither do the last ones, which had the same cause. */
  private forgive(): void {
    for (const { lanes } of this.parts.work.partitions.values())
      for (const lane of lanes.values()) if (lane.state === 'waiting') lane.attempts = 0;
  }

  private postpone(lane: Lane): void {
    this.parts.work.end(lane);
    this.parts.work.putOff(lane);
  }

  private count(lane: Lane, handler: Handler | undefined, { error, kind }: Judged): void {
    const { definition, work, parking, observer } = this.parts;
    lane.attempts++;
    const { retry } = handler ?? definition.options;
    const isSpent = kind === 'cannot-decode' || lane.attempts >= retry.attempts;
    const delayMs = Math.min(retry.maxDelayMs, retry.delayMs * 2 ** Math.min(lane.attempts - 1, 30));
    const parked = parkedAs(lane, { handler: handler?.name ?? '', error, kind, isSpent, delayMs });
    this.parts.outcomes.failed(lane, parked);
    if (lane.replaying && isSpent) return this.replayed(lane, 'failed');
    work.end(lane);
    if (lane.replaying) parking.wait(lane, delayMs);
    else parking.park(lane, parked, isSpent ? undefined : delayMs);
    if (isSpent) return;
    const { eventId, eventType, handler: name, attempts, flow } = parked;
    const about = { subscription: definition.name, handler: name, eventId, eventType, ...(flow && { flow }) };
    observer.retry(() => ({ ...about, attempt: attempts + 1, delayMs }));
  }
}

/** Another process has the partition. */
function isLost({ error }: Pick<Failure, 'error'>, { partition }: Lane): boolean {
  return error instanceof FenceLost && error.lease === partition.lease.name;
}

/** A handler that is gone from the code leaves the event to all of them. */
function resumedAt(handlers: readonly Handler[], name: string | undefined): number {
  return Math.max(
    0,
    handlers.findIndex((it) => it.name === name),
  );
}
