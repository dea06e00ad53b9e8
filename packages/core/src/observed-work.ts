import type { NewEvent } from './event.js';
import type { TraceContext } from './trace-context.js';

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
