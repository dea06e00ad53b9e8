import type { ObservedFlow } from '@backstory/core/observe';
import type { StateEntry } from '@backstory/core/state';
import { readFormat } from '@backstory/core/store';
import { partitionName } from './key-partition.js';

/** Why a key waits. */
export type FailureKind = 'poison' | 'infrastructure' | 'time-out' | 'cannot-decode';

/**
 * A key whose next event could not be handled; its later events wait behind it, all others flow. It holds no events: they
 * are in the log.
 *
 * | state | |
 * |---|---|
 * | `retrying` | tried again by itself at `dueAt` |
 * | `dead` | waits for somebody to repair something and ask for it: retry, skip, discard or edit |
 * | `draining` | what waited is being handled, in order |
 */
export interface ParkedKey {
  readonly key: string;
  readonly state: 'retrying' | 'dead' | 'draining';
  /** Where it was parked: the position of the first event that failed. */
  readonly from: number;
  /** Everything of the key before this position is dealt with. */
  readonly cursor: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly stream: string;
  readonly handler: string;
  readonly attempts: number;
  readonly reason: FailureKind;
  readonly error: ParkedError;
  readonly parkedAt: string;
  readonly dueAt?: string;
  /** Data to handle the event at `cursor` with in place of its own. */
  readonly edited?: { readonly data: string; readonly actor: string };
  /** Of the event at `cursor`, with the trace of the last attempt: the next one, in whatever process, links to it. */
  readonly flow?: ObservedFlow;
}

/** The error that parked a key. */
export interface ParkedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
}

const FORMAT = 'backstory.parked-key/1';

const BEGINNING = `{"format":"${FORMAT}",`;

export function writeParked(parked: ParkedKey): string {
  return JSON.stringify({ format: FORMAT, ...parked });
}

/** @throws UnknownFormat */
export function readParked(text: string): ParkedKey {
  return readFormat<ParkedKey>(text, FORMAT);
}

/** A parked key as it is stored. There may be very many that are dead, and of few of them anything is asked. */
export class StoredParked {
  /** Told without reading the record: within its strings, quotes are escaped. */
  readonly isDead: boolean;
  private readonly end: number;

  /** Its text is kept as part of another one, where that is given. */
  constructor(
    readonly key: string,
    text: string,
    private readonly within = text,
    private readonly begin = 0,
  ) {
    this.isDead = text.startsWith(BEGINNING) && text.includes('"state":"dead"');
    this.end = begin + text.length;
  }

  /** @throws UnknownFormat */
  read(): ParkedKey {
    return readParked(this.within.slice(this.begin, this.end));
  }
}

/** A page of them. It is kept as one text: of very many the collector of garbage would copy each about. */
export function storedParked(rows: readonly StateEntry[]): readonly StoredParked[] {
  const all = rows.map(({ value }) => value).join('');
  let begin = 0;
  return rows.map(({ key, value }) => {
    const stored = new StoredParked(key.slice(key.indexOf('/') + 1), value, all, begin);
    begin += value.length;
    return stored;
  });
}

/** Where a parked key is stored, so that one partition's are together. */
export function parkedAt(partition: number, key: string): string {
  return `${partitionName(partition)}/${key}`;
}

/** What is kept of an error: enough to know it again, cut where it is long, and text that any store accepts. */
export function parkedError(error: unknown): ParkedError {
  const { name, message, code, stack } = (
    error instanceof Error ? error : new Error(String(error))
  ) as Error & {
    readonly code?: unknown;
  };
  return {
    name: storable(String(name), 100),
    message: storable(String(message), 1_000),
    ...((typeof code === 'string' || typeof code === 'number') && { code: storable(String(code), 100) }),
    ...(typeof stack === 'string' && { stack: storable(stack, 2_000) }),
  };
}

/** Text that any state store accepts, cut where it is long. */
export function storable(text: string, most: number): string {
  return text.slice(0, most).toWellFormed().replaceAll('\0', '');
}
