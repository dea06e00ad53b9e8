import type { FoldableEvent, StampedEvent, StoredEvent } from './event.js';

/**
 * A log of events in streams. It records, reads in pages, and says that something was appended; nothing else.
 *
 * Every store keeps these promises (`describeEventStore` in `@backstory/testing` tests each):
 * 1. Acknowledged means durable. 2. All or nothing. 3. Of several writers at one expected version exactly one wins.
 * 4. A follower sees every event, once, in order. 5. A repeated append returns the first result.
 * 6. Pages, limits, bounds and directions are exact. 7. Any text survives exactly; bad input is refused with the same
 * error by every store, before anything is written. 8. A checkpoint is never silently ahead of its log.
 */
export interface EventStore {
  /** Which promises this store keeps only in part. */
  readonly capabilities: StoreCapabilities;
  /**
   * Records all writes or none, each at exactly its `expected`.
   *
   * An append is identified by the id of its first event. Sent again with the same ids in the same streams it returns
   * the first result with `repeated: true`, whatever the version is now.
   *
   * @throws VersionConflict, EventIdReused, InvalidAppend — nothing was written
   * @throws StoreUnavailable — it may have been written: send the same append again
   */
  append(writes: readonly Write[]): Promise<AppendResult>;
  /** One stream in pages, oldest first unless `backwards`. A stream without events gives one empty page. */
  readStream(stream: string, slice?: StreamSlice): AsyncIterable<LogPage>;
  /**
   * The log in position order, filtered, in pages, up to the head as it is when the last page is read.
   *
   * @throws StoreUnavailable where another log has taken the place of the one that the pages before were of
   */
  readAll(query?: LogQuery): AsyncIterable<LogPage>;
  /** The streams in byte order of their names, each with its last event, in pages. */
  listStreams(query?: StreamsQuery): AsyncIterable<readonly StreamHead[]>;
  /** Calls back after something was appended by any process. Coalesced; a hint, never a promise. */
  onAppend(wake: () => void): Unsubscribe;
  /** Which log this is, and its head: the last position, 0 when it is empty. */
  identity(): Promise<LogIdentity>;
  /**
   * For audits, where a database could do it: what could hide events from some reads, or show others, though each that `readAll`
   * gives is as it was. In sentences, and where a value beside an event is not what the event says, these in the order of
   * positions. In pages; a page may be empty.
   */
  examine?(): AsyncIterable<readonly (string | StrayColumn)[]>;
  /** For monitors: how much there is, as far as that is known without reading it all again each time. */
  extent?(): Promise<LogExtent>;
  /**
   * For audits, where a database gives texts quicker than events: every event of a part of the log, system streams as well.
   * Each value is as it is stored: what is of another kind than what was recorded comes as another text, or fails.
   *
   * @throws StoreUnavailable where another log has taken the place of the one that the pages before were of
   * @throws StoreUnusable, or what the database fails with, where what is stored is no event
   */
  readTexts?(part: TextsPart): AsyncIterable<TextsPage>;
  /**
   * For folds of many streams, where a database gives short ones quicker together than one by one: what a fold takes of every event
   * of each up to a version that it has, by stream. Some are left out, above all long ones: `readStream` gives those. Events that
   * were read together may hold memory together: fold them, and let go of them.
   */
  readShortStreams?(
    streams: readonly Pick<StreamHead, 'stream' | 'version'>[],
  ): Promise<ReadonlyMap<string, readonly FoldableEvent[]>>;
  /**
   * Administrative: fills an *empty* log with events that keep their ids, versions, positions and times.
   * Pages come in position order; positions may have gaps. All or nothing.
   *
   * @throws LogNotEmpty, InvalidAppend
   */
  restore(pages: AsyncIterable<LogPage> | Iterable<LogPage>): Promise<LogIdentity>;
  /** Administrative: accepts this log as it is after a restore or a lossy failover, by raising its epoch. */
  adopt(): Promise<LogIdentity>;
  /** Waits for what was accepted, then releases everything. Later calls throw StoreClosed. */
  close(): Promise<void>;
}

/** What a store cannot promise in full. The conformance suite prints what is declared here. */
export interface StoreCapabilities {
  /** `false`: what is acknowledged is gone when the process ends. */
  readonly durable: boolean;
  /** `false`: one append may write to one stream only. */
  readonly multiStreamAppends: boolean;
  /** `true`: positions are 1, 2, 3 … without gaps, save for those that `restore` was given. */
  readonly densePositions: boolean;
  /** Filters of a {@link LogQuery} that are refused unless `scan` is set. */
  readonly unindexed: readonly (keyof LogQuery)[];
}

/**
 * What a writer believes of a stream.
 *
 * | value | holds when the stream |
 * |---|---|
 * | a number ≥ 0 | is at exactly this version |
 * | `'none'` | has no events (the same as 0) |
 * | `'exists'` | has at least one event |
 * | `'any'` | is in any state |
 */
export type ExpectedVersion = number | 'none' | 'exists' | 'any';

/** Events for one stream. A stream occurs once in an append. */
export interface Write {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  /** At least one. */
  readonly events: readonly StampedEvent[];
}

/** What became of an append: where its events are, and whether they had been recorded before. */
export interface AppendResult {
  /** The id of the append's first event. */
  readonly appendId: string;
  /** The position of the append's last event. */
  readonly position: number;
  readonly recordedAt: Date;
  /** `true`: it had been recorded before, and this is that first result. */
  readonly repeated: boolean;
  /** One per write, in the order of the writes: the version and position of its last event. */
  readonly writes: readonly {
    readonly stream: string;
    readonly version: number;
    readonly position: number;
  }[];
}

/**
 * A page of events. `through` is how far the store has looked, in the coordinate of the read — positions for `readAll`,
 * versions for `readStream` — so that a page may be empty and still say how far it is safe to go on from.
 *
 * Forwards everything after the lower bound and ≤ `through` has been examined; backwards everything up to the upper bound
 * and ≥ `through`. At the head `through` is at least the head as it was *before* the page was read.
 */
export interface LogPage {
  readonly events: readonly StoredEvent[];
  readonly through: number;
}

/** A part of the log: positions > `after` and ≤ `upTo`, which is no later than the head. */
export interface TextsPart {
  readonly after: number;
  readonly upTo: number;
  /** At most so many events on the first page. */
  readonly first: number;
  /** And on every other. */
  readonly pageSize: number;
}

/** Some events that follow each other, as the texts that are stored of them. */
export interface TextsPage {
  readonly count: number;
  /** The position of the last of them; `after` where there is none. */
  readonly last: number;
  /** Every position up to this one was looked at. */
  readonly through: number;
  /**
   * In UTF-8. Of each event the lengths of three texts in bytes, in decimal with a blank behind each, and then the texts: header,
   * data, metadata. The header is `[1,position,stream,version,id,type,schemaVersion,appendIndex,recordedAt]` as
   * `JSON.stringify` writes it, with the time in milliseconds; 1 is the version of this form.
   */
  readonly bytes: Uint8Array;
}

/** A value beside an event, to find it by or to read it by, that is not what the event says. */
export interface StrayColumn {
  readonly position: number;
  /** Its name in the database: `correlation_id`. */
  readonly column: string;
}

/** Bounds that reads share. All are exact. */
export interface PageBounds {
  /** From the upper bound down. Bounds mean the same in both directions. */
  readonly backwards?: boolean;
  /** At most this many events in all. */
  readonly limit?: number;
  /** At most this many events a page; 1 to 10,000. Default 500. */
  readonly pageSize?: number;
}

/**
 * A part of one stream: versions > `after` and ≤ `upTo`, recorded no later than `recordedUpTo`.
 * What was recorded up to a time is final only once the head is later: an append under way may still be given that time.
 */
export interface StreamSlice extends PageBounds {
  readonly after?: number;
  readonly upTo?: number;
  readonly upToPosition?: number;
  readonly recordedUpTo?: Date;
}

/** A part of the log: positions > `after` and ≤ `upTo` of events that match every filter given. An empty list matches nothing. */
export interface LogQuery extends PageBounds {
  readonly after?: number;
  readonly upTo?: number;
  readonly categories?: readonly string[];
  readonly streams?: readonly string[];
  readonly types?: readonly string[];
  readonly ids?: readonly string[];
  readonly correlationIds?: readonly string[];
  /** Events caused by any of these events. */
  readonly causationIds?: readonly string[];
  /** Both inclusive. */
  readonly recordedFrom?: Date;
  readonly recordedUpTo?: Date;
  /** Include streams whose category begins with `_`. Naming such a stream or category includes it as well. */
  readonly includeSystem?: boolean;
  /** Allow a filter that this store has no index for. */
  readonly scan?: boolean;
}

/** Streams whose names follow `after` in byte order. */
export interface StreamsQuery {
  readonly after?: string;
  readonly categories?: readonly string[];
  readonly includeSystem?: boolean;
  readonly limit?: number;
  readonly pageSize?: number;
}

/** A stream and where its last event is. */
export interface StreamHead {
  readonly stream: string;
  readonly version: number;
  readonly position: number;
  readonly recordedAt: Date;
}

/** Which log this is and how far it goes, so that a consumer can tell it from another one. */
export interface LogIdentity {
  /** A UUID made with the log; it never changes. */
  readonly logId: string;
  /** 1, and one more for every `adopt`. */
  readonly epoch: number;
  /** The head when this epoch began: checkpoints of earlier epochs are good up to here. */
  readonly epochStart: number;
  /** The last position, 0 when the log is empty. */
  readonly head: number;
  /** The id of the event at the head: proof, later on, that the log has not lost its end and grown again. */
  readonly headId?: string;
}

/** How much there is of a log. What is not known is absent. */
export interface LogExtent {
  /** What the store takes, with its indexes and what is kept beside the log, in bytes. */
  readonly bytes?: number;
  /** Streams, with those of the framework. */
  readonly streams?: number;
}

/** Ends what the call that returned it began. Calling it twice is harmless. */
export type Unsubscribe = () => void;
