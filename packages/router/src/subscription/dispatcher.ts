import type { FollowedPage, StoredEvent } from '@backstory/core';
import type { Observer } from '@backstory/core/observe';
import { Breaker } from './breaker.js';
import { Handling, type HandlingHost } from './handling.js';
import { partitionOf } from './key-partition.js';
import { keyOf } from './key-of.js';
import { OutcomeBook } from './outcome-book.js';
import { Parking, type ParkingHost } from './parking.js';
import type { DeadKey, ParkedKey } from './parked-key.js';
import { Lane, type Partition, type Replaying } from './partition.js';
import type { SubscriptionDefinition } from './subscription-definition.js';
import { Workload } from './workload.js';

/** What a dispatcher needs of the subscription it works for. */
export interface DispatcherHost extends HandlingHost, ParkingHost {
  /** It paused by itself, or goes on. */
  breaker(change: 'open' | 'closed', reason: string): void;
}

/**
 * Brings events to handlers: those of one key in order, different keys at the same time, ready keys by priority. It writes
 * nothing: what is to be stored is what its partitions say at one moment.
 */
export class Dispatcher {
  readonly parking: Parking;
  readonly outcomes: OutcomeBook;
  private readonly work: Workload;
  private readonly handling: Handling;
  private readonly breaker: Breaker;
  private isPaused = false;
  private isProbeDue = false;
  private probed: Lane | undefined;
  /** Ready, but an event of the same key is being handled. */
  private readonly occupied: Lane[] = [];
  private isPumping = false;
  private probe: NodeJS.Timeout | undefined;
  private roomy: (() => void) | undefined;

  constructor(
    private readonly definition: SubscriptionDefinition,
    private readonly host: DispatcherHost,
    observer: Observer,
  ) {
    const work = new Workload(definition.options.buffer);
    this.work = work;
    const pump = () => this.pump();
    const breaker = new Breaker(definition.options.breaker, (change, reason) =>
      this.switched(change, reason),
    );
    const parking = new Parking(definition, work, host, pump);
    this.breaker = breaker;
    this.parking = parking;
    const outcomes = new OutcomeBook(definition.options.outcomes);
    this.outcomes = outcomes;
    const probeNext = () => (this.isProbeDue = true);
    this.handling = new Handling({
      ...{ definition, work, parking, breaker, outcomes, host, observer, pump, probeNext },
    });
  }

  get partitions(): ReadonlyMap<number, Partition> {
    return this.work.partitions;
  }

  /** Events in memory that are not handled. */
  get buffered(): number {
    return this.work.held;
  }

  /** Whether reading waits for room. */
  get isFull(): boolean {
    return this.roomy !== undefined;
  }

  /** Takes up a page of the log. */
  take({ events, checkpoint: { through, last } }: FollowedPage): void {
    for (const stored of events) this.admit(stored);
    for (const { isClosing, tracker } of this.partitions.values())
      if (!isClosing) tracker.examined(through, last);
    this.pump();
  }

  /** Resolves when there is room for another page, or it is not wanted any more. */
  async room(signal: AbortSignal): Promise<void> {
    const { buffer, maxAhead } = this.definition.options;
    const isAhead = () => [...this.partitions.values()].some(({ tracker }) => tracker.length >= maxAhead);
    if (signal.aborted || (this.work.held < buffer && !isAhead())) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        this.roomy = undefined;
        signal.removeEventListener('abort', go);
        resolve();
      };
      signal.addEventListener('abort', go);
      this.roomy = () => {
        if (this.work.isHalfFree() && !isAhead()) go();
      };
    });
  }

  /** Begins to handle a partition's events; what was parked in it goes on where it was. */
  open(partition: Partition, parked: readonly (ParkedKey | DeadKey)[]): void {
    this.work.partitions.set(partition.number, partition);
    partition.isOpen = true;
    for (const it of parked) this.parking.restore(partition, it);
  }

  /** Has an event handled that was dealt with before. It waits its turn, but nothing waits behind it. */
  replay({ partition, key, stored, replaying }: ReplayedEvent): void {
    if (!partition.isOpen) return replaying.end('gone');
    const lane = new Lane(key, partition);
    const entry = this.definition.entryOf(stored, true);
    lane.queue = [entry];
    lane.replaying = replaying;
    partition.replaying = lane;
    this.work.makeReady(lane, entry);
    this.pump();
  }

  /** What the handlers of partitions still do does not count. */
  abandon(partitions: readonly Partition[], reason: string): void {
    for (const partition of partitions) {
      this.handling.attempts.abandon(partition, reason);
      this.work.running -= partition.running;
      partition.running = 0;
    }
  }

  /** Forgets a partition: what its handlers still do does not count. */
  drop(partition: Partition, reason: string): void {
    const { work } = this;
    if (!partition.isOpen) return;
    partition.isOpen = false;
    work.partitions.delete(partition.number);
    this.abandon([partition], reason);
    for (const lane of partition.lanes.values()) {
      clearTimeout(lane.timer);
      work.keepFirst(lane, 0);
    }
    clearTimeout(partition.replaying?.timer);
    partition.replaying?.replaying?.end('gone');
    this.pump();
  }

  pause(): void {
    this.isPaused = true;
  }

  /** Goes on, also where it had paused by itself. */
  resume(): void {
    this.isPaused = false;
    this.breaker.close();
    this.pump();
  }

  /** What was taken for an outage was about events that are not handled any more. */
  reset(): void {
    this.breaker.close();
  }

  close(reason: string): void {
    for (const partition of [...this.partitions.values()]) this.drop(partition, reason);
    clearTimeout(this.probe);
    this.handling.attempts.close();
  }

  private admit(stored: StoredEvent): void {
    const [key, recorded] = keyOf(this.definition, stored);
    const partition = this.partitions.get(partitionOf(key));
    if (!partition || partition.isClosing) return;
    const entry = this.definition.entryOf(stored);
    entry.recorded = recorded;
    if (!partition.tracker.admit(entry)) return;
    const lane = partition.lane(key);
    if (lane.stands) return this.parking.follow(lane, entry);
    this.work.held++;
    if (lane.queue.push(entry) === 1) this.work.makeReady(lane, entry);
    // The batch that it waits for may be full now.
    else if (lane.gathering !== undefined && lane.state === 'waiting') {
      clearTimeout(lane.timer);
      this.work.makeReady(lane, lane.queue[0]!);
    }
  }

  private pump(): void {
    if (this.isPumping) return;
    this.isPumping = true;
    try {
      this.beginReady();
    } catch (error) {
      this.host.failed(error);
    } finally {
      this.isPumping = false;
    }
    this.awaitProbe();
    this.parking.pumped();
    this.roomy?.();
  }

  private beginReady(): void {
    const { work } = this;
    if (this.occupied.length > 0) for (const lane of this.occupied.splice(0)) work.readyAgain(lane);
    while (work.running < this.definition.options.concurrency && this.mayRun()) {
      const lane = work.ready.take();
      if (!lane) break;
      const { partition } = lane;
      if (lane.state !== 'ready' || !partition.isOpen || partition.isClosing) continue;
      if (!partition.lease.isHeld) this.host.lost(partition);
      else if (isOccupied(lane)) this.occupied.push(lane);
      else {
        if (this.breaker.outage) this.beginProbe(lane);
        this.handling.begin(lane);
      }
    }
  }

  private mayRun(): boolean {
    return !this.isPaused && (!this.breaker.outage || this.isProbeDue);
  }

  private switched(change: 'open' | 'closed', reason: string): void {
    clearTimeout(this.probe);
    this.probe = undefined;
    this.isProbeDue = false;
    if (change === 'closed') this.work.resume();
    this.host.breaker(change, reason);
  }

  private beginProbe(lane: Lane): void {
    this.isProbeDue = false;
    this.probed = lane;
    lane.isProbe = true;
  }

  /** One key is tried now and then while the breaker is open. */
  private awaitProbe(): void {
    if (!this.breaker.outage || this.probe || (this.isProbeDue && !this.work.isIdle)) return;
    if (this.probed?.isProbe && this.probed.partition.isOpen) return;
    this.probe = setTimeout(() => {
      this.probe = undefined;
      this.isProbeDue = true;
      this.pump();
      // What it was about has gone elsewhere: the next event shows whether the outage lasts.
      if (this.isProbeDue && !this.isPaused && this.work.isIdle) this.breaker.close();
    }, this.breaker.probeMs);
  }
}

/** An event that is to be handled again. */
export interface ReplayedEvent {
  readonly partition: Partition;
  readonly key: string;
  readonly stored: StoredEvent;
  readonly replaying: Replaying;
}

/** Of one key one event at a time is handled, also where one of them is handled again. */
function isOccupied(lane: Lane): boolean {
  const { partition, key, replaying } = lane;
  const other = replaying ? partition.lanes.get(key) : partition.replaying;
  return other?.key === key && other.state === 'running';
}
