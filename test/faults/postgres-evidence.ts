import { newId, type StampedEvent } from '@backstory/core';

/** What a writer process is to do. */
export interface WriterPlan {
  readonly url: string;
  readonly seed: number;
  /** Appends at the same time. */
  readonly writers: number;
  /** The part of appends after which a transaction takes its time, which holds up all other writers. */
  readonly dawdles: number;
}

/** What a follower process is to do. */
export interface FollowerPlan {
  readonly url: string;
  /** Processes of the same name take turns: one leads, another takes over when it is gone. */
  readonly name: string;
  readonly notify: boolean;
  /** Only events of these types. */
  readonly types?: readonly string[];
  /** A SQLite file for the checkpoint and what was seen, rather than the log's own database. */
  readonly file?: string;
}

/** What became of an append, as its writer was told. */
export type Answer =
  | Acknowledged
  | { readonly kind: 'refused'; readonly ids: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string };

export interface Acknowledged {
  readonly kind: 'acknowledged';
  /** Milliseconds, before the append was sent. */
  readonly asked: number;
  readonly recorded: number;
  readonly writes: readonly {
    readonly stream: string;
    readonly ids: readonly string[];
    /** Of the last event. */
    readonly version: number;
    readonly position: number;
  }[];
  /** Of an application's transaction: what it left in the table `ledger`. */
  readonly transaction?: string;
}

/** A row of the table of events. */
export interface Row {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly appendIndex: number;
  /** Milliseconds. */
  readonly recorded: number;
}

/** An event as a follower was given it. */
export interface Seen {
  readonly position: number;
  readonly id: string;
}

export interface Evidence {
  readonly rows: readonly Row[];
  readonly answers: readonly Answer[];
  /** The application's own table. */
  readonly ledger: readonly string[];
  readonly followers: readonly {
    readonly name: string;
    readonly types: readonly string[] | undefined;
    readonly seen: readonly Seen[];
  }[];
}

export function faultEvent(type: string, n: number): StampedEvent {
  const id = newId();
  const metadata = { correlationId: id, source: 'faults', occurredAt: new Date().toISOString() };
  return { id, type, schemaVersion: 1, data: `{"n":${n}}`, metadata: JSON.stringify(metadata) };
}
