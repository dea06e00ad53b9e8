import type { StoredEvent } from '@backstory/core';
import type { Entry } from './entry.js';
import type { Lane, Partition } from './partition.js';
import type { LeftOut } from './left-out.js';
import type { DeadKey, ParkedKey } from './parked-key.js';
import type { SubscriptionDefinition } from './subscription-definition.js';
import type { Workload } from './workload.js';

/** What parking needs of the subscription it works for. */
export interface ParkingHost {
  /** The events of a key in a part of the log; at most `limit`. */
  waiting(range: WaitingRange): Promise<readonly StoredEvent[]>;
  /** A key was parked, goes on, or is released (`undefined`). */
  parked(parked: ParkedKey | undefined, was: ParkedKey | undefined, leftOut?: LeftOut['action']): void;
}

/** A part of what waits behind a parked key. */
export interface WaitingRange {
  readonly key: string;
  readonly from: number;
  readonly upTo: number;
  readonly limit: number;
}

/**
 * Keeps parked keys: they wait for their next attempt or for a decision, and what waited behind them is then handled in
 * order, from memory or from the log, until nothing is left.
 */
export class Parking {
  private reading: Promise<unknown> = Promise.resolve();
  private roomy: (() => void) | undefined;

  constructor(
    private readonly definition: SubscriptionDefinition,
    private readonly work: Workload,
    private readonly host: ParkingHost,
    /** Something is ready. */
    private readonly pump: () => void,
  ) {}

  /** What another process, or an earlier start, parked; it goes on with `goOn`. */
  restore(partition: Partition, parked: ParkedKey | DeadKey): void {
    const lane = partition.lane(parked.key);
    lane.isBehind = true;
    lane.handler = RESUME;
    partition.load(lane, parked);
    if (parked.state === 'dead') {
      lane.state = 'dead';
      return;
    }
    lane.attempts = parked.state === 'draining' ? 0 : parked.attempts;
    lane.state = 'waiting';
    partition.restored.push(lane);
  }

  /**
   * What was restored goes on where it was, once what is asked of it was done: whoever had the partition before may have done that, and
   * handled what comes after it.
   */
  goOn({ restored }: Partition): void {
    for (const lane of restored.splice(0))
      if (lane.state === 'waiting' && !lane.timer) this.wait(lane, this.dueIn(lane.parked!));
  }

  /** No longer than an attempt is ever put off: the clock of whoever put it off may have been ahead. */
  private dueIn({ dueAt = '', eventType, handler }: ParkedKey): number {
    const { maxDelayMs } = this.definition.retryOf(eventType, handler);
    return Math.min(maxDelayMs, Math.max(0, Date.parse(dueAt) - Date.now() || 0));
  }

  /** An event of a parked key: the checkpoint may pass it, for the record says from where on the key is to be read. */
  follow(lane: Lane, entry: Entry): void {
    lane.partition.tracker.finish(entry);
    if (lane.isBehind || lane.queue.length >= KEPT || !this.work.isHalfFree(1)) {
      lane.isBehind = true;
      return;
    }
    lane.queue.push(entry);
    this.work.held++;
  }

  /** Parks a key for its next attempt after `delayMs`, or as dead. */
  park(lane: Lane, parked: ParkedKey, delayMs?: number): void {
    this.change(lane, parked);
    if (delayMs === undefined) {
      this.forget(lane);
      lane.state = 'dead';
      return;
    }
    const kept = this.work.isHalfFree() ? KEPT : 0;
    if (lane.queue.length > kept) lane.isBehind = true;
    this.work.keepFirst(lane, kept);
    this.wait(lane, delayMs);
  }

  /** The first event of a parked key is dealt with. */
  advance(lane: Lane, cursor: number): void {
    const { edited: _edited, dueAt: _dueAt, ...parked } = lane.parked!;
    this.change(lane, { ...parked, state: 'draining', cursor, attempts: 0, handler: '' });
  }

  /** Goes on with what waits, or lets the key go where nothing does. */
  next(lane: Lane): void {
    if (lane.isBehind) this.readOn(lane);
    else this.release(lane);
  }

  /** Tries a key that waits again, at once, from the next event on where one was `leftOut`; `false`: it is at work. */
  drain(lane: Lane, change: Partial<ParkedKey>, leftOut?: 'skip'): boolean {
    if (!isIdle(lane)) return false;
    const { dueAt: _dueAt, edited, ...parked } = lane.parked!;
    // Other data are for the event that the key stands at.
    const kept = edited && change.cursor === undefined ? { edited } : {};
    this.forget(lane);
    lane.attempts = 0;
    this.change(lane, { ...parked, ...kept, ...change, state: 'draining' }, leftOut);
    this.readOn(lane);
    return true;
  }

  /** Lets go a key and all that waits of it; `false`: it is at work. */
  discard(lane: Lane): boolean {
    if (!isIdle(lane)) return false;
    this.forget(lane);
    // It may be among those that are ready.
    lane.state = 'dead';
    this.release(lane, 'discard');
    return true;
  }

  private change(lane: Lane, parked: ParkedKey, leftOut?: 'skip'): void {
    const was = lane.parked;
    lane.partition.park(lane, parked);
    if (parked.state !== 'draining' || was?.state !== 'draining') this.host.parked(parked, was, leftOut);
  }

  private release(lane: Lane, leftOut?: 'discard'): void {
    const was = lane.parked;
    lane.partition.park(lane, undefined);
    lane.partition.lanes.delete(lane.key);
    this.host.parked(undefined, was, leftOut);
  }

  /** Tries a key again after a while. */
  wait(lane: Lane, delayMs: number): void {
    lane.state = 'waiting';
    lane.timer = setTimeout(() => {
      if (!lane.partition.isOpen) return;
      const first = lane.queue[0];
      if (first) this.work.makeReady(lane, first);
      else this.readOn(lane);
      this.pump();
    }, delayMs);
  }

  /** What it waits with is in the log: nothing of it is kept in memory. */
  private forget(lane: Lane): void {
    clearTimeout(lane.timer);
    this.work.keepFirst(lane, 0);
    lane.handler = RESUME;
    lane.isBehind = true;
  }

  /** One key at a time reads what waits, while others are handled. */
  private readOn(lane: Lane): void {
    lane.state = 'reading';
    this.reading = this.reading.then(async () => {
      if (this.work.held >= this.definition.options.buffer) await this.room();
      if (!lane.partition.isOpen || lane.partition.isClosing) return;
      try {
        // From now on what comes is kept, to follow what is being read.
        lane.isBehind = false;
        const { key, parked, partition } = lane;
        const range = { key, from: parked!.cursor, upTo: partition.tracker.covered, limit: KEPT };
        const events = await this.host.waiting(range);
        if (lane.partition.isOpen) this.took(lane, events);
      } catch {
        // The store cannot be reached just now.
        this.forget(lane);
        this.wait(lane, 1_000);
      }
    });
  }

  private room(): Promise<void> {
    return new Promise((resolve) => (this.roomy = resolve));
  }

  /** Something was dealt with, or is not held any more: reading goes on where it waits for room. */
  pumped(): void {
    if (!this.roomy || this.work.held >= this.definition.options.buffer) return;
    this.roomy();
    this.roomy = undefined;
  }

  private took(lane: Lane, events: readonly StoredEvent[]): void {
    if (events.length >= KEPT) {
      // There may be more, and then what has come meanwhile is not next.
      this.work.keepFirst(lane, 0);
      lane.isBehind = true;
    }
    const read = events.map((stored) => this.definition.entryOf(stored, true));
    this.work.held += read.length;
    lane.queue = [...read, ...lane.queue];
    const first = lane.queue[0];
    if (first) this.work.makeReady(lane, first);
    else this.next(lane);
    this.pump();
  }
}

/** Go on with the handler that the record names. */
export const RESUME = -1;

/** Events of a parked key that are kept in memory. */
const KEPT = 16;

/** Nothing of it is under way. In a pause, or an outage, one that is ready may be so for long. */
function isIdle({ state }: Lane): boolean {
  return state === 'dead' || state === 'waiting' || state === 'ready';
}
