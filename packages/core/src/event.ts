/** How urgent an event is to those who react to it. A hint for routing; it never changes the order of the log. */
export type EventPriority = 'low' | 'normal' | 'high' | 'critical';

/**
 * Who, why and when: what is known about an event apart from its data.
 * Everything is JSON; own keys are kept as they are given.
 */
export interface EventMetadata {
  /** The flow this event belongs to. The first event of a flow carries its own id unless the caller gave one. */
  readonly correlationId: string;
  /** The id of the recorded event that was being handled. Absent on the first event of a flow. */
  readonly causationId?: string;
  /** Who asked for it: a user, a service, a job. */
  readonly actor?: string;
  /** The application that recorded it. */
  readonly source: string;
  /** When it happened, ISO 8601 with milliseconds, in UTC. `recordedAt` is when it was stored. */
  readonly occurredAt: string;
  readonly priority?: EventPriority;
  readonly tenant?: string;
  /** The command that was being carried out, and its id. */
  readonly command?: string;
  readonly commandId?: string;
  /**
   * W3C trace context (https://www.w3.org/TR/trace-context/): of the tracer that was active, else what the caller sent.
   * None is ever made up.
   */
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** An id given by a foreign system, e.g. `kafka:orders/3/1207`. Causation points only at recorded events. */
  readonly origin?: string;
  readonly [own: string]: unknown;
}

/** An event that has happened and is not yet recorded. */
export interface NewEvent {
  /** Stable name, e.g. `account.deposited`; independent of the class name. */
  readonly type: string;
  /** The version of the shape of `data`, 1 unless the type has evolved. */
  readonly schemaVersion?: number;
  /** JSON text. It is stored exactly as it is written here. */
  readonly data: string;
  /** What the ambient context does not say, above all `occurredAt`. */
  readonly metadata?: Partial<EventMetadata>;
}

/** An event with its identity: what a store is given to append. Both texts are stored exactly. */
export interface StampedEvent {
  /** UUID v7, or v8 where it is derived. At most 128 bytes. */
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  /** JSON text. */
  readonly data: string;
  /** JSON text of an {@link EventMetadata}. */
  readonly metadata: string;
}

/**
 * An event as a store returns it: where and when it was recorded, and its texts as they were stored.
 * Reading texts keeps hashes exact and lets a reader parse only what it needs; {@link readRecorded} parses both.
 */
export interface StoredEvent extends StampedEvent {
  /** `account-42`: the category stands before the first dash, the id after it. */
  readonly stream: string;
  /** 1, 2, 3 … in the stream, without gaps. */
  readonly version: number;
  /** Place in the log: strictly increasing in commit order, below 2^53. */
  readonly position: number;
  /** Place in the append that recorded it: 0 begins one. Kept so that a restored log still recognises repetitions. */
  readonly appendIndex: number;
  /** By the store's clock, in whole milliseconds, never decreasing with position. */
  readonly recordedAt: Date;
}

/** What of a stored event makes a state: its data, and where it stands. */
export type FoldableEvent = Pick<
  StoredEvent,
  'stream' | 'version' | 'position' | 'type' | 'schemaVersion' | 'data'
>;

/** A recorded event with its data and metadata read. What handlers and people see. */
export interface RecordedEvent<Data = unknown> {
  readonly id: string;
  readonly stream: string;
  readonly version: number;
  readonly position: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: Data;
  readonly metadata: EventMetadata;
  readonly recordedAt: Date;
}

/** Parses both texts of a stored event. No upcasting, no classes: the JSON as it was recorded. */
export function readRecorded(stored: StoredEvent): RecordedEvent {
  return recordedWith(stored, JSON.parse(stored.data));
}

/** A stored event with data that somebody else decoded. */
export function recordedWith<Data>(stored: StoredEvent, data: Data): RecordedEvent<Data> {
  const { id, stream, version, position, type, schemaVersion, recordedAt } = stored;
  const metadata = JSON.parse(stored.metadata) as EventMetadata;
  return { id, stream, version, position, type, schemaVersion, data, metadata, recordedAt };
}
