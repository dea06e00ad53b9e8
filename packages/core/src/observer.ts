import type { NewEvent } from './event.js';

/**
 * What the framework tells about itself. One method a seam; each seam has one owner, and no store, aggregate or
 * projection mentions a span. Facts are functions, called only by an observer that listens.
 * What an observer throws reaches nobody: its owner's work goes on (see `guarded`).
 */
export interface Observer {
  /** A command or `update`: load, decide, save, with its retries. Owner: repository. */
  readonly command: Around<CommandStart, CommandEnd>;
  /** Stamping and appending events. Owner: Recorder. */
  readonly record: Around<RecordStart, RecordEnd>;
  /** Rebuilding an aggregate from its events. Owner: repository. */
  readonly load: Around<LoadStart, LoadEnd>;
  /** Reading or writing a snapshot. Owner: repository. */
  readonly snapshot: Around<SnapshotStart, SnapshotEnd>;
  /** Giving one event to the handlers of the in-process bus. Owner: router. */
  readonly publish: Around<PublishStart, PublishEnd>;
  /** One attempt of one handler at one event. Owner: router. */
  readonly handle: Around<HandleStart, HandleEnd>;
  /** One batch of a projection: its events, effects and checkpoint. Owner: projection. */
  readonly project: Around<ProjectStart, ProjectEnd>;
  /** One transaction of a group commit, in numbers. Owner: AppendQueue. */
  appendBatch(facts: () => AppendBatch): void;
  /** Appends have waited long for a lock that somebody else holds. Owner: the store. */
  blocked(facts: () => AppendsBlocked): void;
  /** A page that a follower got. Owner: follow. */
  page(facts: () => PageRead): void;
  /** A routing rule decided about an event. Owner: router. */
  route(facts: () => EventRouted): void;
  /** A subscription or projection started, stopped, paused, faulted, changed hands, or is done with a replay. Owner: whoever runs it. */
  consumer(facts: () => ConsumerChanged): void;
  /** A key was parked, put off or released. Owner: router. */
  park(facts: () => KeyParked): void;
  /** A handler is to be tried again. Owner: whoever tries. */
  retry(facts: () => RetryScheduled): void;
  /** This process has done its part of a replay. Owner: router. */
  replay(facts: () => ReplayEnded): void;
  /** Owner: whoever keeps the checkpoint. */
  checkpoint(facts: () => CheckpointWritten): void;
  /** Owner: whoever keeps the lease. */
  lease(facts: () => LeaseChanged): void;
  /** A generation of a projection was made, filled, verified, swapped or dropped. Owner: projection. */
  generation(facts: () => GenerationChanged): void;
  /** The trace that is active now, as W3C strings; `undefined` when no tracer is. */
  trace(): TraceContext | undefined;
}

/**
 * Runs `work`, once, and gives back what it gives. `work` is told how to report its end, which it may do once;
 * an observer learns of failure from the rejection.
 */
export type Around<Start, End> = <T>(
  start: () => Start,
  work: (end: (facts: () => End) => void) => Promise<T>,
) => Promise<T>;

/** A trace and span in the form of W3C Trace Context, as it travels from process to process. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** A command or `update` begins. `command` is its name, where it has one. */
export interface CommandStart {
  readonly command: string | undefined;
  readonly aggregate: string;
  readonly stream: string;
}
/** A command or `update` is done: how often it was tried and what it recorded. */
export interface CommandEnd {
  readonly attempts: number;
  readonly events: number;
  readonly version: number;
  readonly repeated: boolean;
}

/** Events are about to be appended: what they are, and to which streams. */
export interface RecordStart {
  readonly appendId: string;
  /** The application that records them. */
  readonly source: string;
  readonly writes: readonly {
    readonly stream: string;
    readonly category: string;
    readonly types: readonly string[];
    /** As they were given. Their data is for who measures something of it, and reported by nobody. */
    readonly events: readonly Pick<NewEvent, 'type' | 'schemaVersion' | 'data'>[];
    readonly correlationId: string;
    readonly causationId: string | undefined;
  }[];
}
/** Events were appended: where they are, and how often they had to be sent. */
export interface RecordEnd {
  readonly position: number;
  readonly versions: readonly number[];
  readonly repeated: boolean;
  readonly sends: number;
}

/** An aggregate is about to be rebuilt. */
export interface LoadStart {
  readonly aggregate: string;
  readonly stream: string;
}
/** An aggregate was rebuilt: from what, and how many events were folded. */
export interface LoadEnd {
  readonly version: number;
  readonly eventsFolded: number;
  readonly from: 'stream' | 'snapshot' | 'cache';
  readonly snapshotVersion: number | undefined;
}

/** A snapshot is about to be read, written or thrown away. */
export interface SnapshotStart {
  readonly aggregate: string;
  readonly stream: string;
  readonly operation: 'load' | 'save' | 'invalidate';
}
/** What became of a snapshot, and its size. */
export interface SnapshotEnd {
  readonly result: 'hit' | 'miss' | 'stale' | 'written' | 'refused';
  readonly bytes: number;
  /** Why it is stale, or was refused. */
  readonly reason?: string;
}

/** An event as the seams of handling see it. */
export interface ObservedEvent {
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  /** 0 for a transient event, which is delivered and not recorded. */
  readonly position: number;
  readonly source: string;
  readonly correlationId: string;
  readonly causationId: string | undefined;
  readonly tenant: string | undefined;
  readonly occurredAt: string;
  readonly recordedAt: Date;
  /** The trace that the event was made in. */
  readonly trace: TraceContext | undefined;
}

/** An event is about to be given to the handlers of this process. */
export interface PublishStart {
  readonly event: ObservedEvent;
}
/** An event was given to the handlers of this process: how many there were, and how many failed. */
export interface PublishEnd {
  readonly targets: number;
  readonly failed: number;
}

/** A handler is about to be given an event, for the first or another time. */
export interface HandleStart {
  readonly subscription: string;
  readonly handler: string;
  readonly attempt: number;
  readonly event: ObservedEvent;
  /** How many events it is given at once, of which that is the first; absent where it is one. */
  readonly events?: number;
  /** The trace of the attempt before this one. */
  readonly previous: TraceContext | undefined;
  /** The run in which it is handled again; absent where it is its turn. */
  readonly replay?: string;
}
/** How one attempt of a handler at an event ended. */
export interface HandleEnd {
  readonly outcome: 'handled' | 'failed' | 'timed-out';
}

/** A projection is about to apply a batch of events: which part of the log. */
export interface ProjectStart {
  readonly projection: string;
  readonly generation: number;
  /** The generation is being built beside the one that is read. */
  readonly isBuilding: boolean;
  readonly from: number;
  readonly to: number;
  readonly events: number;
  /** When the first of them was recorded. */
  readonly recordedAt: Date;
  /** The traces that its events were made in. A function, because finding them reads the metadata of each. */
  readonly traces: () => readonly TraceContext[];
}
/** A projection is done with a batch of events: what became of them. */
export interface ProjectEnd {
  readonly applied: number;
  readonly skipped: number;
  /** How long it waited, folded, until the batch before it was committed. Not part of the time that it took itself. */
  readonly waitedMs: number;
  /** The batch before it failed. Nothing of this one was written; its events come again. */
  readonly isDropped: boolean;
}

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

const ignore = (): void => undefined;
const justRun = <T>(_start: unknown, work: (end: () => void) => Promise<T>): Promise<T> => work(ignore);

/** Observes nothing. The default: nothing is computed and nothing is kept. */
export const silent: Observer = {
  command: justRun,
  record: justRun,
  load: justRun,
  snapshot: justRun,
  publish: justRun,
  handle: justRun,
  project: justRun,
  appendBatch: ignore,
  blocked: ignore,
  page: ignore,
  route: ignore,
  consumer: ignore,
  park: ignore,
  retry: ignore,
  replay: ignore,
  checkpoint: ignore,
  lease: ignore,
  generation: ignore,
  trace: () => undefined,
};
