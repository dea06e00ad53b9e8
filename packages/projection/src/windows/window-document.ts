import type { Json } from '@backstory/events';
import type { Held } from './reduction.js';

/** What is kept of the windows of one key while they are open. Plain JSON: a document, or a part of one. */
export interface WindowDocument {
  /** The latest time of an event of this key: what the windows go by. */
  time: string | null;
  /** Values that came after a window of theirs was closed, and are not in that: of several windows perhaps in the later ones. */
  late: number;
  /** Windows closed so far. */
  closed: number;
  /** Those that are open, the one that began first first. */
  open: OpenState[];
  /** Of a sliding window by count: its values. */
  last?: LastValues;
}

/** A window that is open. */
export interface OpenState {
  from: string;
  to: string;
  /** Values that are in it. */
  events: number;
  /** What its reducers hold. */
  held: Held;
}

/** The last values, with their times. */
export interface LastValues {
  /** When they were told last; before that, the time of the first. */
  told: string;
  /** Values so far. */
  seen: number;
  values: [at: string, value: Json][];
}

/** A window and what its reducers give. */
export interface WindowResult<Values = Readonly<Record<string, unknown>>> {
  /**
   * ISO 8601. By time: from when to before when. A session, and windows by count: from its first event to its last, by the times
   * of the events.
   */
  readonly from: string;
  readonly to: string;
  /** Values that are in it. */
  readonly events: number;
  readonly values: Values;
}

/** A window that is closed: nothing changes it any more. */
export interface ClosedWindow<Values = Readonly<Record<string, unknown>>> extends WindowResult<Values> {
  /** The how manieth of its key that was closed, from 1. */
  readonly number: number;
}

/** An instant as it is kept. */
export function instantText(at: number): string {
  return new Date(at).toISOString();
}
