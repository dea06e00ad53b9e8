import type { Sample } from './verdict.js';

/** The one in the middle; of an even number the mean of both. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)]!;
  return Number.isInteger(middle) ? (sorted[middle - 1]! + upper) / 2 : upper;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, it) => sum + it, 0) / values.length;
}

/** A line through values: how much they rise by the second, and where it is at a moment. */
export interface Line {
  readonly slope: number;
  at(ms: number): number;
}

/**
 * The line of Theil and Sen: the median of the slopes between all pairs, which up to 29 % of outliers do not move
 * (P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, 1968). `undefined`: all are of one moment.
 */
export function lineThrough(samples: readonly Sample[]): Line | undefined {
  const slopes = samples.flatMap((a, i) =>
    samples
      .slice(i + 1)
      .flatMap((b) => (b.at === a.at ? [] : [((b.value - a.value) * 1_000) / (b.at - a.at)])),
  );
  if (slopes.length === 0) return undefined;
  const slope = median(slopes);
  const from = samples[0]!.at;
  const offset = (ms: number) => (slope * (ms - from)) / 1_000;
  const start = median(samples.map(({ at, value }) => value - offset(at)));
  return { slope, at: (ms) => start + offset(ms) };
}

/** At most `most` of them, evenly spread, the last among them: pairs of all would be too many. */
export function thinned(samples: readonly Sample[], most = 60): readonly Sample[] {
  if (samples.length <= most) return samples;
  const step = (samples.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => samples[Math.round(i * step)]!);
}
