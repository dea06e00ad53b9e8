import type { InstrumentDescription } from '../metrics/instrument.js';
import { isoOf, type Clock } from '../steady.js';
import { beside, following, type Frame } from './frame.js';

/** What a metric measured in a window. What was not measured is not there, rather than zero. */
export interface Statistics {
  readonly metric: string;
  /** By UCUM. Those of a counter are of its growth by the second. */
  readonly unit: string;
  /** What was looked at, in seconds: whole intervals, so some more than the window, or less where the process is younger. */
  readonly seconds: number;
  /** Values that were measured; of a counter how much it grew. */
  readonly count: number;
  /** `count` by the second; absent where no time has passed. */
  readonly rate?: number;
  /** Series that are not in it, because there are too many: 250 of a metric are followed, or 20 where 1,000 of all metrics are. */
  readonly omitted: number;
  readonly mean?: number;
  /** Within the buckets of a histogram it is interpolated, as Prometheus does it; so are percentiles. */
  readonly median?: number;
  readonly min?: number;
  readonly max?: number;
  /** The standard deviation. */
  readonly deviation?: number;
  readonly percentiles?: {
    readonly p50: number;
    readonly p90: number;
    readonly p95: number;
    readonly p99: number;
  };
  /** Interval by interval, oldest first. */
  readonly history: readonly Moment[];
}

/** One interval of a metric. */
export interface Moment {
  /** When it ended, as ISO 8601. */
  readonly at: string;
  readonly seconds: number;
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

/** Statistics of what several series of a metric measured in `seconds`. */
export function statisticsOf(
  { name, unit, kind, buckets }: InstrumentDescription,
  series: readonly (readonly Frame[] | undefined)[],
  { seconds, clock }: { readonly seconds: number; readonly clock: Clock },
): Statistics {
  const isCounter = kind === 'counter';
  const known = series.filter((it) => it !== undefined);
  const frames = together(known, isCounter);
  const all = frames.reduce<Frame | undefined>((sum, it) => (sum ? following(sum, it) : it), undefined);
  const count = all === undefined ? 0 : isCounter ? all.sum : all.count;
  const omitted = series.length - known.length;
  const rate = count / seconds;
  const common = { metric: name, unit, seconds, count, omitted, ...(seconds > 0 && { rate }) };
  const history = frames.map((it) => momentOf(it, isCounter, clock));
  if (!all || all.count === 0) return { ...common, history };
  const valueAt = buckets ? bucketQuantile(all, buckets) : exactQuantile(frames, isCounter);
  const mean = isCounter ? rate : all.sum / all.count;
  // Of a counter the rates are what is distributed, and their sum is not its growth.
  const middle = isCounter ? frames.reduce((sum, it) => sum + rateOf(it) * it.count, 0) / all.count : mean;
  return {
    ...common,
    ...{ mean, median: valueAt(0.5), min: all.min, max: all.max },
    deviation: Math.sqrt(Math.max(0, all.squares / all.count - middle * middle)),
    percentiles: { p50: valueAt(0.5), p90: valueAt(0.9), p95: valueAt(0.95), p99: valueAt(0.99) },
    history,
  };
}

/** The series as one: what ended at one moment is added up. */
function together(series: readonly (readonly Frame[])[], isCounter: boolean): readonly Frame[] {
  const found = new Map<number, Frame>();
  for (const frames of series) {
    for (const frame of frames) {
      const same = found.get(frame.at);
      found.set(frame.at, same ? (isCounter ? summed(same, frame) : beside(same, frame)) : frame);
    }
  }
  return [...found.values()].sort((a, b) => a.at - b.at);
}

/** Counters that grew in one interval are one that grew by as much as both. */
function summed(a: Frame, b: Frame): Frame {
  const sum = a.sum + b.sum;
  const seconds = Math.max(a.seconds, b.seconds);
  const rate = sum / seconds;
  // As many intervals as each of them is of: a minute weighs as much as its parts did.
  const count = Math.max(a.count, b.count);
  return { at: a.at, seconds, sum, count, squares: count * rate * rate, min: rate, max: rate };
}

function rateOf({ sum, seconds }: Frame): number {
  return sum / seconds;
}

function momentOf(frame: Frame, isCounter: boolean, clock: Clock): Moment {
  const { at, seconds, count, sum, min, max } = frame;
  return {
    at: isoOf(clock, at),
    ...{ seconds, count: isCounter ? sum : count },
    ...{ mean: isCounter ? rateOf(frame) : sum / count, min, max },
  };
}

/** By the buckets: as if the values of each were spread evenly over it, within what was measured at all. */
function bucketQuantile({ counts = [], count, min, max }: Frame, bounds: readonly number[]) {
  return (share: number): number => {
    const wanted = share * count;
    let below = 0;
    for (const [i, here] of counts.entries()) {
      if (here > 0 && below + here >= wanted) {
        const from = Math.max(min, i === 0 ? min : bounds[i - 1]!);
        const to = Math.min(max, bounds[i] ?? max);
        return from + (to - from) * Math.max(0, (wanted - below) / here);
      }
      below += here;
    }
    return max;
  };
}

/** By the values themselves, each as often as it was measured. */
function exactQuantile(frames: readonly Frame[], isCounter: boolean) {
  const values = frames
    .map((it) => ({ value: isCounter ? rateOf(it) : it.sum / it.count, weight: it.count }))
    .sort((a, b) => a.value - b.value);
  const total = values.reduce((sum, { weight }) => sum + weight, 0);
  return (share: number): number => {
    let below = 0;
    for (const { value, weight } of values) {
      below += weight;
      if (below >= share * total) return value;
    }
    return values.at(-1)!.value;
  };
}
