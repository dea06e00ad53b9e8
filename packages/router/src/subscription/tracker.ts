import type { Checkpoint } from '@backstory/core/store';
import type { Entry } from './entry.js';

/** What has been read of a partition and what of that is finished. */
export class Tracker {
  /** Every position up to here has been examined. */
  read: number;
  /** The last event up to `through` that is known, whichever partition it is of: proof that the log still holds what was read. */
  last: Checkpoint['last'];
  /** The last event up to `read`, where a page said so. */
  private seen: Checkpoint['last'];
  private readonly ahead: Set<number>;
  /** The last position that was finished ahead before the partition changed hands, and the event there. */
  private readonly aheadTo: number;
  private readonly aheadLast: Checkpoint['last'];
  private pending: Entry[] = [];
  private first = 0;

  constructor(from: {
    readonly through: number;
    readonly ahead: readonly number[];
    readonly last?: Tracker['last'];
    readonly farthest?: Tracker['last'];
  }) {
    this.read = from.through;
    this.last = from.last;
    this.ahead = new Set(from.ahead);
    this.aheadTo = from.ahead.at(-1) ?? 0;
    this.aheadLast = from.farthest;
  }

  /** Takes up an event. `false`: it was read before, or was finished before the partition changed hands. */
  admit(entry: Entry): boolean {
    const { position } = entry;
    if (position <= this.read) return false;
    this.read = position;
    if (this.ahead.size > 0 && this.ahead.delete(position)) entry.finished = true;
    this.pending.push(entry);
    if (entry.finished) this.settle();
    return !entry.finished;
  }

  /** Nothing more is there up to this position, and this was the last event up to there. */
  examined(through: number, last?: Checkpoint['last']): void {
    if (through < this.read) return;
    this.read = through;
    this.seen = last;
    this.prove();
  }

  finish(entry: Entry): void {
    if (entry.finished) return;
    entry.finished = true;
    if (this.pending[this.first] === entry) this.settle();
  }

  /** Whether an event at this position is finished. */
  isFinished(position: number): boolean {
    if (position <= this.through || this.ahead.has(position)) return true;
    return this.pending.some((it) => it.position === position && it.finished);
  }

  /** Events of a parked key up to here wait behind its record, those that have not been read again yet included. */
  get covered(): number {
    return Math.max(this.read, this.aheadTo);
  }

  /** Every event up to here is finished. */
  get through(): number {
    const first = this.pending[this.first];
    return first === undefined ? this.read : first.position - 1;
  }

  /** Positions after `through` that are finished, those included that have not been read again yet. */
  finishedAhead(): number[] {
    const read = this.pending.slice(this.first).filter((it) => it.finished);
    return [...read.map((it) => it.position), ...this.ahead].sort((a, b) => a - b);
  }

  /** The last event that is finished ahead. */
  get farthest(): Checkpoint['last'] {
    // What has not been read again yet is farther than what has.
    if (this.ahead.size > 0) return this.aheadLast;
    const entry = this.pending.findLast((it, at) => at >= this.first && it.finished);
    return entry && { id: entry.stored.id, position: entry.position };
  }

  /** Events read from the first one on that is not finished. */
  get length(): number {
    return this.pending.length - this.first;
  }

  /** What pages have said counts once everything in them is finished. */
  private prove(): void {
    const { seen, last } = this;
    if (seen && seen.position <= this.through && seen.position > (last?.position ?? 0)) this.last = seen;
  }

  private settle(): void {
    let last: Entry | undefined;
    let entry = this.pending[this.first];
    while (entry?.finished) {
      last = entry;
      entry = this.pending[++this.first];
    }
    if (last) this.last = { id: last.stored.id, position: last.position };
    this.prove();
    // Cut rarely: cutting copies. But what is finished to the last is let go, so that the events of a page do not outlive it.
    const isCut = entry === undefined || (this.first > 64 && this.first * 2 > this.pending.length);
    if (!isCut) return;
    this.pending = this.pending.slice(this.first);
    this.first = 0;
  }
}
