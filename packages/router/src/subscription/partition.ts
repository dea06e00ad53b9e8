import type { TraceContext } from '@backstory/core/observe';
import type { HeldLease } from '@backstory/core/state';
import type { Entry } from './entry.js';
import type { LeftOut } from './left-out.js';
import { DeadKey, type ParkedKey } from './parked-key.js';
import type { Mark } from './mark.js';
import type { Accounted, ParkedCounts, Progress } from './progress.js';
import type { ReplayRequest } from './replay-request.js';
import { Tracker } from './tracker.js';

/** A partition that this process owns: how far it is, and the keys in it that have something to do. */
export class Partition {
  readonly tracker: Tracker;
  readonly lanes = new Map<string, Lane>();
  /** Keys that were parked when it came, and have not gone on. */
  readonly restored: Lane[] = [];
  /** Keys whose record in the state store is to be written or removed with the next checkpoint. */
  readonly changed = new Set<string>();
  /** What was done `once` for events that no checkpoint covers yet. */
  readonly marks = new Map<string, Mark>();
  /** What somebody decided to leave out, until it is stored, under the key it is stored with; `undefined`: it is to go. */
  readonly leftOut = new Map<string, string | undefined>();
  /** How far replays are, in the same way. */
  replays = new Map<string, string | undefined>();
  /** How far this process is with replays, by their ids, those included that it has done. */
  readonly replayed = new Map<string, ReplayRequest | 'done'>();
  /** Marks of replays that are to go. */
  replayMarks = new Set<string>();
  /** The event that is being handled again. */
  replaying: Lane | undefined;
  /** What became of events, under the key it is to be stored with; `undefined`: it is to go. */
  outcomes = new Map<string, string | undefined>();
  /** Requests that were carried out: they go with the next checkpoint. */
  readonly done = new Set<string>();
  /** The same, for good: they may have been read before they went. */
  readonly carriedOut = new Set<string>();
  /** The progress that is stored. */
  saved: string | undefined;
  /** Its events are handled here: it has come, and has not gone to another process. */
  isOpen = false;
  /** No handler begins: it is being given up. */
  isClosing = false;
  /** Handlers at work. */
  running = 0;
  /** The last reset that was carried out. */
  readonly reset: string | undefined;
  readonly accounted: Accounted | undefined;
  private readonly counts = { retrying: 0, dead: 0, draining: 0 };

  constructor(
    readonly number: number,
    readonly lease: HeldLease,
    start: Pick<Progress, 'through' | 'ahead' | 'last' | 'farthest' | 'reset' | 'accounted'>,
  ) {
    this.tracker = new Tracker(start);
    this.reset = start.reset;
    this.accounted = start.accounted;
  }

  get parked(): ParkedCounts {
    return { ...this.counts };
  }

  /** The key's lane, made when it has none. */
  lane(key: string): Lane {
    const known = this.lanes.get(key);
    if (known) return known;
    const lane = new Lane(key, this);
    this.lanes.set(key, lane);
    return lane;
  }

  /** Whether an event was handled, or left out: not what waits, or is to come. */
  isDealtWith(key: string, position: number): boolean {
    const stands = this.lanes.get(key)?.stands;
    return this.tracker.isFinished(position) && !(stands && stands.cursor <= position);
  }

  /** Parks a key, changes what is known of it, or takes it back (`undefined`). Its events are then covered by its record. */
  park(lane: Lane, parked: ParkedKey | undefined): void {
    this.load(lane, parked);
    this.changed.add(lane.key);
    if (parked) for (const entry of lane.queue) this.tracker.finish(entry);
  }

  /** The same for what is in the state store already. */
  load(lane: Lane, parked: ParkedKey | DeadKey | undefined): void {
    if (lane.stands) this.counts[lane.stands.state]--;
    if (parked) this.counts[parked.state]++;
    lane.stands = parked;
  }
}

/**
 * One key of a partition while it has something to do: its events in order, of which one at a time is handled.
 *
 * | state | |
 * |---|---|
 * | `ready` | waits for a free place |
 * | `running` | its first event is being handled |
 * | `waiting` | for its next attempt |
 * | `reading` | what waits behind it is being read from the log |
 * | `dead` | for somebody's decision |
 */
export class Lane {
  state: 'ready' | 'running' | 'waiting' | 'reading' | 'dead' = 'ready';
  /** The events that are in memory, oldest first. */
  queue: Entry[] = [];
  /** Attempts that failed at the first event, by its present handler. */
  attempts = 0;
  /** Which of the event's handlers is next. */
  handler = 0;
  /** More events wait than are in memory: they are read from the log when it is their turn. */
  isBehind = false;
  timer: NodeJS.Timeout | undefined;
  /** The batch that is being handled, of which this key is the first. */
  batch: readonly BatchPart[] | undefined;
  /** So many of its first events are handled one by one: together they failed. */
  alone = 0;
  /** Since when it waits for a batch to grow. */
  gathering: number | undefined;
  /** It is tried to find out whether an outage is over. */
  isProbe = false;
  /** A handler was given its first event, and ended well. */
  isAnswered = false;
  /** When the present attempt began, where that is wanted. */
  began: { readonly at: number; readonly clock: number } | undefined;
  /** The trace of the last attempt. */
  trace: TraceContext | undefined;
  /** Its one event was dealt with before, and is handled again. */
  replaying: Replaying | undefined;

  /** While it is parked: its state, and where it stands. */
  stands: ParkedKey | DeadKey | undefined;

  constructor(
    readonly key: string,
    readonly partition: Partition,
  ) {}

  /** While it is parked: what is, or is about to be, in the state store. A dead key's is read before anything is done with it. */
  get parked(): ParkedKey | undefined {
    if (this.stands instanceof DeadKey) throw new Error(`The record of ${this.key} was not read.`);
    return this.stands;
  }

  /** Its record was read. */
  recall(parked: ParkedKey): void {
    if (this.stands instanceof DeadKey) this.stands = parked;
  }
}

/** That an event is handled again. */
export interface Replaying {
  /** Of the request. */
  readonly id: string;
  /** Also what is done `once` is done again. */
  readonly again: boolean;
  /** Somebody had left it out: what is done `once` was not done, but for what is marked. */
  readonly leftOut: LeftOut | undefined;
  /** What was done `once` this time. */
  readonly marks: string[];
  readonly end: (how: 'handled' | 'failed' | 'gone') => void;
}

/** The first events of a key, in a batch with others. */
export interface BatchPart {
  readonly lane: Lane;
  readonly entries: readonly Entry[];
}
