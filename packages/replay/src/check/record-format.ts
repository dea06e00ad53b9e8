import { BackstoryError } from '@backstory/core';
import type { Trail } from './trail.js';

/** What was recorded, and how: the first line of a file of trails. */
export interface TrailsHeader {
  readonly format: 'backstory.check/2';
  readonly logId: string;
  /** The head of the log when it was begun. */
  readonly head: number;
  readonly categories: readonly string[];
  /** Only the state at the end of each stream was looked at. */
  readonly isLastOnly: boolean;
  /** About this many streams; `null` for all. */
  readonly sample: number | null;
  readonly recordedAt: string;
  /** Of the code that folded, as far as it can be seen. */
  readonly code: string;
}

/** How much there is in a file, and the digest of its trails: its last line. */
export interface TrailsFooter {
  readonly streams: number;
  readonly events: number;
  /** The same for the same trails, whoever made them and in how many goes. */
  readonly digest: string;
}

/** A file that is no file of trails, or that was not written to its end. */
export class UnusableRecord extends BackstoryError {
  readonly code = 'BACKSTORY_UNUSABLE_RECORD';
  constructor(
    readonly file: string,
    readonly problem: 'missing' | 'format' | 'unfinished' | 'other-log' | 'other-options',
    message: string,
  ) {
    super(message);
  }
}

/** A line of the file. What handlers asked is no part of what became of the stream, and stands at its end. */
export function trailLine({ impure, ...trail }: Trail): string {
  return JSON.stringify(impure ? { ...trail, impure } : trail);
}

/** What of a line the digest of the file is made of: all but what handlers asked. */
export function digestedOf(line: string): string {
  if (!line.includes('"impure":')) return line;
  const { impure: _, ...trail } = readTrailLine(line);
  return JSON.stringify(trail);
}

/** Reads what {@link trailLine} wrote. */
export function readTrailLine(line: string): Trail {
  return JSON.parse(line) as Trail;
}
