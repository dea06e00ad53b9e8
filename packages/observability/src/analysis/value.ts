import { knownOptions, numberOption } from '@backstory/core/store';
import type { Monitor, StatisticsOptions } from '../monitor/monitor.js';
import type { Statistics } from '../monitor/statistics.js';
import { labelName } from '../prometheus/names.js';

/** What values are found in: the monitor. */
export type Look = Pick<Monitor, 'stats' | 'last' | 'knows' | 'failures'>;

/** One value, or one by each value of a label. What is not known is `undefined`, or not there. */
export type Values = number | undefined | ReadonlyMap<string, number | undefined>;

/** Finds what a rule is about. Several values are told apart by `label`, which is `of` unless it says otherwise. */
export interface Value {
  (look: Look): Values;
  readonly label?: string;
}

/** What of a metric: `last` is what a gauge shows now. */
export type StatisticName =
  'last' | 'count' | 'rate' | 'mean' | 'median' | 'min' | 'max' | 'deviation' | 'p50' | 'p90' | 'p95' | 'p99';

/** Of how long, and of which series. */
export interface ValueOptions extends StatisticsOptions {
  /** One value for each value of this attribute. */
  readonly by?: string;
}

/**
 * What a metric, of the framework or of your own, is now or was in the last minutes: `stat('backstory.process.duration', 'p95')`. A metric
 * that is not there, or measured nothing, is unknown.
 */
export function stat(metric: string, of: StatisticName, options: ValueOptions = {}): Value {
  const { by, windowMs, where } = knownOptions(options, OPTIONS);
  const which = { ...(windowMs !== undefined && { windowMs }), ...(where && { where }) };
  const find = (look: Look): Values => {
    if (!look.knows(metric)) return undefined;
    const scope = where && { where };
    if (of === 'last')
      return by === undefined ? look.last(metric, { ...scope }) : look.last(metric, { ...scope, by });
    if (by === undefined) return statisticOf(look.stats(metric, which), of);
    const all = look.stats(metric, { ...which, by });
    return new Map([...all].map(([value, found]) => [value, statisticOf(found, of)]));
  };
  return by === undefined ? find : Object.assign(find, { label: labelName(by) });
}

/** Which failures count, and how many must have been measured. */
export interface FailureOptions extends ValueOptions {
  /** A share of fewer says too little, and is unknown. Default 10. */
  readonly atLeast?: number;
}

/**
 * The share that failed, 0 to 1, of what a metric measures with an `error.type` or `outcome`: `failureShare('backstory.process.duration')`.
 * A command that was refused has not failed.
 */
export function failureShare(metric: string, options: FailureOptions = {}): Value {
  const { by, windowMs, where, atLeast = 10 } = knownOptions(options, FAILURES);
  numberOption('atLeast', atLeast, 1, 1e9);
  const share = (look: Look, some: Readonly<Record<string, string>>): number | undefined => {
    const which = { ...(windowMs !== undefined && { windowMs }), where: { ...where, ...some } };
    const { failed, count } = look.failures(metric, which);
    return count < atLeast ? undefined : failed / count;
  };
  const find = (look: Look): Values => {
    if (!look.knows(metric)) return undefined;
    if (by === undefined) return share(look, {});
    const all = look.stats(metric, {
      by,
      ...(windowMs !== undefined && { windowMs }),
      ...(where && { where }),
    });
    return new Map([...all.keys()].map((value) => [value, share(look, { [by]: value })]));
  };
  return by === undefined ? find : Object.assign(find, { label: labelName(by) });
}

/** Several as one, each with its name as the label `of`; of those that give one value. */
export function each(values: Readonly<Record<string, Value>>): Value {
  return (look) => {
    const found = Object.entries(values).map(([name, value]) => [name, value(look)] as const);
    return new Map(found.map(([name, it]) => [name, typeof it === 'object' ? undefined : it]));
  };
}

function statisticOf(statistics: Statistics, of: Exclude<StatisticName, 'last'>): number | undefined {
  if (of === 'p50' || of === 'p90' || of === 'p95' || of === 'p99') return statistics.percentiles?.[of];
  return statistics[of];
}

const OPTIONS = { windowMs: true, where: true, by: true } as const;
const FAILURES = { ...OPTIONS, atLeast: true } as const;
