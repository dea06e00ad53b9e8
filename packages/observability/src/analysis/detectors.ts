import { InvalidOption, knownOptions, numberOption } from '@backstory/core/store';
import { lineThrough, mean, median, thinned } from './robust.js';
import { shown, type Judge, type Sample, type Verdict } from './verdict.js';

/** How far from usual is too far, and how many values are needed to know what is usual. */
export interface DeviationOptions {
  /** In deviations. */
  readonly threshold?: number;
  /** Values before the last one. Default 10; 3 at least. */
  readonly minimum?: number;
  /** What is no deviation however steady the values were: of a hundred values that are all 5, 6 would be infinitely far. Default 0. */
  readonly least?: number;
}

/**
 * Far from the median, in median absolute deviations (Iglewicz and Hoaglin, How to detect and handle outliers, 1993). Outliers among the
 * values hide no other. Default threshold 3.5.
 */
export function mad(options: DeviationOptions = {}): Judge {
  return deviating(options, 3.5, (before) => {
    const middle = median(before);
    const distances = before.map((it) => Math.abs(it - middle));
    // More than half of them are alike: then the mean of the distances says how far the others are.
    const spread = median(distances) / 0.6745 || mean(distances) * 1.253314;
    return { middle, spread };
  });
}

/**
 * Far from the mean, in standard deviations. Of normal data it takes one in twenty for an anomaly, and an outlier hides the next: `mad` does
 * better. Default threshold 2.
 */
export function sigma(options: DeviationOptions = {}): Judge {
  return deviating(options, 2, (before) => {
    const middle = mean(before);
    const squares = before.reduce((sum, it) => sum + (it - middle) ** 2, 0);
    return { middle, spread: Math.sqrt(squares / (before.length - 1)) };
  });
}

/** How fast what is usual follows the values. */
export interface EwmaOptions extends DeviationOptions {
  /** Weight of the newest value, above 0 to 1. Default 0.3. */
  readonly alpha?: number;
}

/**
 * Far from the exponentially weighted mean, in as weighted deviations (T. Finch, Incremental calculation of weighted mean and variance,
 * 2009): follows what changes slowly. Default threshold 3.
 */
export function ewma({ alpha = 0.3, ...options }: EwmaOptions = {}): Judge {
  numberOption('alpha', alpha, 1e-6, 1);
  return deviating(options, 3, ([first, ...rest]) => {
    let middle = first!;
    let variance = 0;
    for (const value of rest) {
      const off = value - middle;
      variance = (1 - alpha) * (variance + alpha * off * off);
      middle += alpha * off;
    }
    return { middle, spread: Math.sqrt(variance) };
  });
}

/** What is too fast. */
export interface TrendOptions {
  /** By the second. */
  readonly perSecond: number;
  readonly direction?: 'rising' | 'falling' | 'either';
  /** Default 6; 3 at least. */
  readonly minimum?: number;
  /** Of the values of how long, in milliseconds. Default 600,000. */
  readonly overMs?: number;
}

/** Rises or falls faster than that, by the line of Theil and Sen: single outliers do not matter. */
export function trend(options: TrendOptions): Judge {
  const { perSecond, direction = 'either', minimum = 6, overMs = 600_000 } = knownOptions(options, TREND);
  numberOption('perSecond', perSecond, 0, Infinity);
  numberOption('minimum', minimum, 3, MOST);
  return (_, samples) => {
    const line = lineOver(samples, { minimum, overMs });
    if (!line) return undefined;
    const fast =
      direction === 'either' ? Math.abs(line.slope) : direction === 'rising' ? line.slope : -line.slope;
    const way = line.slope < 0 ? 'falls' : 'rises';
    return {
      isBreach: fast > perSecond,
      size: fast,
      why: `it ${way} by ${shown(Math.abs(line.slope))} a second`,
    };
  };
}

/** What will be too much. */
export interface ForecastOptions {
  /** What it must not reach. */
  readonly limit: number;
  /** Within which time, in milliseconds. */
  readonly withinMs: number;
  /** Where it comes from. Default `below`: it rises to the limit. */
  readonly from?: 'below' | 'above';
  /** Default 6; 3 at least. */
  readonly minimum?: number;
  /** Of the values of how long, in milliseconds. Default 600,000. */
  readonly overMs?: number;
}

/**
 * Will cross a limit within a given time, or has: a lag, a queue, a store that fills its disk. It goes on as the line of Theil and Sen
 * does. Its size is 1 where the limit is crossed at the end of that time, and grows to infinity as it comes near.
 */
export function forecast(options: ForecastOptions): Judge {
  const { limit, withinMs, from = 'below', minimum = 6, overMs = 600_000 } = knownOptions(options, FORECAST);
  numberOption('withinMs', withinMs, 1, 1e12);
  numberOption('minimum', minimum, 3, MOST);
  const sign = from === 'below' ? 1 : -1;
  return (value, samples) => {
    if (sign * (value - limit) >= 0)
      return { isBreach: true, size: Infinity, why: `${shown(value)} has crossed ${shown(limit)}` };
    const line = lineOver(samples, { minimum, overMs });
    if (!line) return undefined;
    const speed = sign * line.slope;
    const leftMs =
      speed > 0 ? (Math.max(0, sign * (limit - line.at(samples.at(-1)!.at))) / speed) * 1_000 : Infinity;
    const why = Number.isFinite(leftMs)
      ? `${shown(value)} crosses ${shown(limit)} in ${shown(leftMs / 1_000)} s`
      : `${shown(value)} does not come near ${shown(limit)}`;
    return { isBreach: leftMs <= withinMs, size: withinMs / leftMs, why };
  };
}

/** Outside of limits. @throws InvalidOption */
export function threshold(options: { readonly min?: number; readonly max?: number }): Judge {
  const { min = -Infinity, max = Infinity } = knownOptions(options, { min: true, max: true });
  if (!(min < max)) throw new InvalidOption('min', `must be less than max, and one of them given.`);
  return (value) => {
    const off = Math.max(min - value, value - max);
    const limit = value > max ? `more than ${shown(max)}` : `less than ${shown(min)}`;
    return {
      isBreach: off > 0,
      size: off,
      why: off > 0 ? `${shown(value)} is ${limit}` : `it is ${shown(value)}`,
    };
  };
}

/**
 * Nothing came for so long, of what is counted: `detect: silence({ forMs: 600_000 })` with `stat(…, 'rate', { windowMs: 10_000 })`. Known
 * once it was looked at for so long, or something came.
 */
export function silence(options: { readonly forMs: number }): Judge {
  const { forMs } = knownOptions(options, { forMs: true });
  numberOption('forMs', forMs, 1, 3_600_000);
  return (value, samples) => {
    const heard = samples.findLast((it) => it.value > 0);
    const now = samples.at(-1)!.at;
    const silentMs = now - (heard ?? samples[0]!).at;
    if (!heard && silentMs < forMs) return undefined;
    const why = value > 0 ? `it is ${shown(value)}` : `nothing came for ${shown(silentMs / 1_000)} s`;
    return { isBreach: silentMs >= forMs, size: silentMs / 1_000, why };
  };
}

interface Usual {
  readonly middle: number;
  readonly spread: number;
}

function deviating(
  options: DeviationOptions,
  usualThreshold: number,
  usualOf: (before: readonly number[]) => Usual,
): Judge {
  const { threshold: most = usualThreshold, minimum = 10, least = 0 } = knownOptions(options, DEVIATION);
  numberOption('threshold', most, 0, 1e9);
  numberOption('minimum', minimum, 3, MOST);
  numberOption('least', least, 0, Infinity);
  return (value, samples): Verdict | undefined => {
    const before = samples.slice(0, -1).map((it) => it.value);
    if (before.length < minimum) return undefined;
    const { middle, spread } = usualOf(before);
    const off = Math.abs(value - middle);
    const why = `${shown(value)}, usual is ${shown(middle)} ± ${shown(spread)}`;
    if (off <= Math.max(least, middle * ROUNDING)) return { isBreach: false, size: 0, why };
    // Where nothing ever differed there is no scale by which this would be far.
    if (spread <= Math.abs(middle) * ROUNDING)
      return least > 0 ? { isBreach: true, size: off / least, why } : undefined;
    return { isBreach: off / spread > most, size: off / spread, why };
  };
}

function lineOver(
  samples: readonly Sample[],
  { minimum, overMs }: { readonly minimum: number; readonly overMs: number },
) {
  const since = samples.at(-1)!.at - overMs;
  const lately = samples.filter(({ at }) => at >= since);
  return lately.length < minimum ? undefined : lineThrough(thinned(lately));
}

/** Values that are kept of each series. */
const MOST = 360;
const ROUNDING = 1e-9;
const DEVIATION = { threshold: true, minimum: true, least: true } as const;
const TREND = { perSecond: true, direction: true, minimum: true, overMs: true } as const;
const FORECAST = { limit: true, withinMs: true, from: true, minimum: true, overMs: true } as const;
