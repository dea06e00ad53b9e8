import { types } from 'node:util';
import type { RecordedEvent } from '@backstory/core';
import type { Condition } from './condition.js';
import { InvalidFilter } from './errors.js';
import { everything, type Narrowing } from './narrowing.js';

/** A stretch of time; both ends belong to it. */
export interface TimeRange {
  readonly from?: Date | undefined;
  readonly upTo?: Date | undefined;
}

/** When an event happened, or when it was recorded. */
export class TimeCondition implements Condition {
  readonly text: string;
  private readonly wanted: string;
  private readonly from: number;
  private readonly upTo: number;

  /** @throws InvalidFilter */
  constructor(
    private readonly kind: 'occurred' | 'recorded',
    private readonly range: TimeRange,
  ) {
    const { from, upTo, ...others } = range;
    const other = Object.keys(others)[0];
    if (other !== undefined) throw new InvalidFilter(kind, `takes from and upTo, and no ${other}.`);
    this.from = instant(kind, from) ?? -Infinity;
    this.upTo = instant(kind, upTo) ?? Infinity;
    if (!Number.isFinite(this.from) && !Number.isFinite(this.upTo))
      throw new InvalidFilter(kind, 'needs from, upTo or both.');
    const ends = [from && `from ${from.toISOString()}`, upTo && `up to ${upTo.toISOString()}`];
    this.wanted = ends.filter((it) => it !== undefined).join(' ');
    this.text = `${kind} ${this.wanted}`;
  }

  holds(event: RecordedEvent): boolean {
    const at = this.timeOf(event);
    return at >= this.from && at <= this.upTo;
  }

  why(event: RecordedEvent): string {
    const at = this.timeOf(event);
    const is = `${this.kind} is ${Number.isNaN(at) ? 'no time' : new Date(at).toISOString()}`;
    return this.holds(event) ? is : `${is}, not ${this.wanted}`;
  }

  narrowing(): Narrowing {
    return this.kind === 'recorded' ? { ...everything, from: this.from, upTo: this.upTo } : everything;
  }

  toJSON(): object {
    return { [this.kind]: this.range };
  }

  private timeOf({ recordedAt, metadata }: RecordedEvent): number {
    return this.kind === 'recorded' ? recordedAt.getTime() : Date.parse(metadata.occurredAt);
  }
}

function instant(kind: string, at: Date | undefined): number | undefined {
  if (at === undefined) return undefined;
  if (!types.isDate(at) || Number.isNaN(at.getTime()))
    throw new InvalidFilter(kind, `takes valid Dates, not ${String(at)}.`);
  return at.getTime();
}
