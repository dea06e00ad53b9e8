import type { ObservedFlow } from '@backstory/core/observe';
import { messageOf, storable, type StateEntry } from '@backstory/core/state';
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
const CURSOR = '"cursor":';

export function writeParked(parked: ParkedKey): string {
  return JSON.stringify({ format: FORMAT, ...parked });
}

/** @throws UnknownFormat */
export function readParked(text: string): ParkedKey {
  return readFormat<ParkedKey>(text, FORMAT);
}

/** A dead key whose record was left in the state store: there may be very many, and of few of them anything is asked. */
export class DeadKey {
  readonly state = 'dead';

  constructor(
    readonly key: string,
    readonly cursor: number,
  ) {}
}

/** A parked key; of one that is dead only where it stands. @throws UnknownFormat where it is needed at once and cannot be read */
export function parkedIn({ key, value }: StateEntry): ParkedKey | DeadKey {
  // Told without reading the record: within its strings, quotes are escaped.
  const at = value.startsWith(BEGINNING) && value.includes('"state":"dead"') ? value.indexOf(CURSOR) : -1;
  const cursor = at < 0 ? NaN : parseInt(value.slice(at + CURSOR.length, at + CURSOR.length + 16), 10);
  return Number.isNaN(cursor) ? readParked(value) : new DeadKey(key.slice(key.indexOf('/') + 1), cursor);
}

/** Where a parked key is stored, so that one partition's are together. */
export function parkedAt(partition: number, key: string): string {
  return `${partitionName(partition)}/${key}`;
}

/** What is kept of an error: enough to know it again, cut where it is long, and text that any store accepts. Never throws. */
export function parkedError(error: unknown): ParkedError {
  const code = textOf(error, 'code');
  const stack = textOf(error, 'stack');
  return {
    name: storable(textOf(error, 'name') ?? 'Error', 100),
    message: storable(messageOf(error), 1_000),
    ...(code !== undefined && { code: storable(code, 100) }),
    ...(stack !== undefined && { stack: storable(stack, 2_000) }),
  };
}

function textOf(error: unknown, property: 'name' | 'code' | 'stack'): string | undefined {
  try {
    const value: unknown = error instanceof Error ? Reflect.get(error, property) : undefined;
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  } catch {
    return undefined;
  }
}
