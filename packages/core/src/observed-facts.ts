import type { TraceContext } from './trace-context.js';

/** What a routing rule decided about an event. */
export interface EventRouted {
  readonly rule: string;
  readonly target: string;
  readonly eventType: string;
  /** `failed`: its condition threw. `timed-out`: it led to handlers that did not end in its time. */
  readonly result: 'matched' | 'filtered' | 'no-match' | 'failed' | 'timed-out';
}
/** A subscription or projection is in another state than before, and why. */
export interface ConsumerChanged {
  readonly consumer: string;
  /** `replayed`: one partition's part of a replay is done. */
  readonly change: 'started' | 'stopped' | 'paused' | 'resumed' | 'faulted' | 'taken-over' | 'replayed';
  readonly reason: string | undefined;
}

/** What was written in one transaction of a group commit. */
export interface AppendBatch {
  readonly batchId: string;
  readonly store: string;
  readonly appends: number;
  readonly events: number;
  readonly bytes: number;
  readonly failed: number;
  /** Longest time an append of the batch waited before it was sent. */
  readonly waitedMs: number;
  readonly durationMs: number;
  /** How much of it other writers kept the log locked; 0 where the store does not know. */
  readonly lockWaitMs: number;
  /** How far the time that it was given is ahead of the clock of this process: 0 unless clocks differ or were set back. */
  readonly clockAheadMs: number;
  /** Appends waiting when the batch was cut. */
  readonly queued: number;
  /** The traces that were active where its appends were asked for. */
  readonly traces: readonly AppendTrace[];
}
/** The trace of one append of a batch, and how long that waited before it was sent. */
export interface AppendTrace extends TraceContext {
  readonly waitedMs: number;
}

/** Appends wait for a lock: since when, and for whom. */
export interface AppendsBlocked {
  readonly store: string;
  readonly waitedMs: number;
  /** Who holds the lock: `process 4711 (psql, user ann, idle in transaction for 12 s)`. */
  readonly holder: string;
}

/** What a follower of the log was given. `through` is how far it has looked. */
export interface PageRead {
  readonly follower: string;
  readonly events: number;
  readonly through: number;
}

/** Events of one key were set aside, or go on, so that they do not hold up the others. */
export interface KeyParked {
  readonly subscription: string;
  readonly handler: string;
  readonly key: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly reason: string;
  readonly error: string | undefined;
  /** What kind of error it was: its code, or else its name. */
  readonly errorType: string;
  readonly state: 'retrying' | 'dead' | 'draining' | 'released';
  /** How it was before, where it was parked. */
  readonly was: 'retrying' | 'dead' | 'draining' | undefined;
  /** Somebody decided not to have the event handled (`skip`), or nothing that waits of the key (`discard`). */
  readonly leftOut?: 'skip' | 'discard';
  /** Of the last attempt, and of the flow that it belongs to. */
  readonly flow?: ObservedFlow;
}
/** Which flow something belongs to, told after it was left. */
export interface ObservedFlow {
  readonly correlationId: string;
  readonly causationId?: string;
  /** The trace of an attempt in it. */
  readonly trace?: TraceContext;
}
/** A handler failed and is to be tried again after a while. */
export interface RetryScheduled {
  readonly subscription: string;
  readonly handler: string;
  /** The event, or else what is tried again. */
  readonly eventId: string;
  readonly eventType: string;
  readonly attempt: number;
  readonly delayMs: number;
  /** Of the attempt that failed, and of the flow that it belongs to. */
  readonly flow?: ObservedFlow;
}
/** What became of the events that this process has handled again. */
export interface ReplayEnded {
  readonly subscription: string;
  /** The id of the request. */
  readonly run: string;
  readonly handled: number;
  readonly failed: number;
}
/** A consumer has remembered how far it has come. */
export interface CheckpointWritten {
  readonly consumer: string;
  readonly through: number;
}
/** A process has got a lease, given it up or lost it to another. */
export interface LeaseChanged {
  readonly lease: string;
  readonly owner: string;
  readonly change: 'acquired' | 'lost' | 'released';
}
/** A projection is being built anew beside the one in use: a step of that. */
export interface GenerationChanged {
  readonly projection: string;
  readonly generation: number;
  readonly change: 'created' | 'filled' | 'verified' | 'swapped' | 'rolled-back' | 'dropped';
}
