import type { Attributes } from '@opentelemetry/api';
import { Histogram, type Series } from '../metrics/series.js';
import { following, type Frame } from './frame.js';

/** What a series measured lately: ten minutes in full, an hour by the minute. */
export class SeriesHistory {
  private readonly fine: Frame[] = [];
  private readonly coarse: Frame[] = [];
  private last: Totals;

  constructor(
    readonly attributes: Attributes,
    private readonly isGauge: boolean,
    { at, before }: { readonly at: number; readonly before: Series | undefined },
  ) {
    this.last = before ? totalsOf(before, at) : { at, sum: 0, count: 0, squares: 0, counts: undefined };
  }

  /** When there was something to see of it for the last time. */
  get seenAt(): number {
    return this.last.at;
  }

  /** Every interval that is kept, oldest first, with the one that is not over as `series` has it now. */
  frames(series: Series | undefined, now: number): readonly Frame[] {
    const current = series && this.sinceLast(series, now);
    return [...this.coarse, ...this.fine, ...(current ? [current] : [])];
  }

  /** Ends an interval. */
  turn(series: Series, now: number): void {
    const frame = this.sinceLast(series, now);
    this.last = totalsOf(series, now);
    if (series instanceof Histogram) [series.low, series.high] = [Infinity, -Infinity];
    if (frame) this.fine.push(frame);
    this.thin(now);
  }

  private sinceLast(series: Series, now: number): Frame | undefined {
    const seconds = (now - this.last.at) / 1_000;
    if (seconds <= 0 && !this.isGauge) return undefined;
    if (series instanceof Histogram) return this.distribution(series, now, seconds);
    const { value } = series;
    if (this.isGauge) return { at: now, seconds, ...once(value) };
    const grown = value - this.last.sum;
    return { at: now, seconds, ...once(grown / seconds), sum: grown };
  }

  private distribution(series: Histogram, now: number, seconds: number): Frame | undefined {
    const { last } = this;
    const count = series.count - last.count;
    if (count === 0) return undefined;
    const counts = series.counts.map((it, i) => it - (last.counts?.[i] ?? 0));
    const [sum, squares] = [series.sum - last.sum, series.squares - last.squares];
    return { at: now, seconds, count, sum, squares, min: series.low, max: series.high, counts };
  }

  private thin(now: number): void {
    for (let [oldest] = this.fine; oldest && oldest.at < now - FINE_MS; [oldest] = this.fine) {
      this.fine.shift();
      const minute = this.coarse.at(-1);
      const isSame = minute && Math.floor(minute.at / MINUTE_MS) === Math.floor(oldest.at / MINUTE_MS);
      if (isSame) this.coarse.splice(-1, 1, following(minute, oldest));
      else this.coarse.push(oldest);
    }
    while (this.coarse[0] && this.coarse[0].at < now - KEPT_MS) this.coarse.shift();
  }
}

/** How far back it is known what a series measured. */
export const KEPT_MS = 3_600_000;
const MINUTE_MS = 60_000;
const FINE_MS = 600_000;

interface Totals {
  readonly at: number;
  readonly sum: number;
  readonly count: number;
  readonly squares: number;
  readonly counts: readonly number[] | undefined;
}

function totalsOf(series: Series, at: number): Totals {
  if (!(series instanceof Histogram))
    return { at, sum: series.value, count: 0, squares: 0, counts: undefined };
  const { sum, count, squares, counts } = series;
  return { at, sum, count, squares, counts: [...counts] };
}

function once(value: number) {
  return { count: 1, sum: value, squares: value * value, min: value, max: value };
}
