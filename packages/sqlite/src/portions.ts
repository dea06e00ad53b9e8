import type { StoredEvent } from '@backstory/core';

/** A page is closed when its events hold about this many characters of data and metadata. */
const FULL = 8 * 2 ** 20;
const FIRST = 32;

/**
 * How many rows of a page to ask for at a time. A statement gives all of its rows at once, however long they are: many
 * events of a megabyte would stop the process and fill its memory. So a few come first, and tell how many more fit.
 */
export class Portions {
  private size = FIRST;
  private events = 0;
  private length = 0;

  /** Of `wanted` rows, how many to ask for now. */
  next(wanted: number): number {
    return Math.min(wanted, this.size);
  }

  add(events: readonly StoredEvent[]): void {
    for (const { data, metadata } of events) this.length += data.length + metadata.length;
    this.events += events.length;
    const fitting = this.events === 0 ? Infinity : (FULL - this.length) / (this.length / this.events);
    this.size = Math.max(1, Math.min(this.size * 4, Math.floor(fitting)));
  }

  get areFull(): boolean {
    return this.length >= FULL;
  }
}
