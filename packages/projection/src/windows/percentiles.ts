import { DDSketch } from '@datadog/sketches-js';
import { InvalidDefinition } from '@backstory/events';
import { numberOf, type NumberOf } from './number-reducers.js';
import { reducer, type Reducer } from './reducer.js';

/** Values at percentiles, by their names: `p50`, `p99.9`. `null` of nothing. */
export type Percentiles = Readonly<Record<`p${number}`, number | null>>;

/**
 * The values at percentiles (nearest rank): `percentiles([50, 95, 99])` gives `{ p50, p95, p99 }`. Exact up to 1,000 values; of more
 * of them within 1 % of the value, by a sketch (Masson et al., DDSketch, 2019) of at most 4,096 counters: what is less than a 10¹⁷th of
 * the greatest may be counted as more.
 *
 * @throws InvalidDefinition
 */
export function percentiles(points: readonly number[]): Reducer<number, Percentiles>;
export function percentiles<Value>(
  points: readonly number[],
  of: NumberOf<Value>,
): Reducer<Value, Percentiles>;
export function percentiles<Value>(
  points: readonly number[],
  of?: NumberOf<Value>,
): Reducer<Value, Percentiles> {
  if (!isPoints(points))
    throw new InvalidDefinition('percentiles(…)', 'needs a list of numbers from 0 to 100: [50, 95, 99].');
  return reducer<Value, Held, Percentiles>({
    initial: [],
    add: (held, value) => {
      const number = numberOf('percentiles', value, of);
      return number === undefined ? held : added(held, number);
    },
    merge: joined,
    result: (held) => {
      const at = Array.isArray(held) ? exactly(held) : roughly(held);
      return Object.fromEntries(points.map((point) => [`p${point}`, at(point)]));
    },
  });
}

function isPoints(points: unknown): boolean {
  if (!Array.isArray(points) || points.length === 0) return false;
  return points.every((it: unknown) => typeof it === 'number' && it >= 0 && it <= 100);
}

/** The values themselves, or how many there are about each: keys of the sketch by sign, and zeros. */
type Held = number[] | Bins;
type Bins = { zeros: number; positive: Record<string, number>; negative: Record<string, number> };

function added(held: Held, value: number): Held {
  if (!Array.isArray(held)) return counted(held, value);
  held.push(value);
  if (held.length <= EXACT) return held;
  return held.reduce(counted, { zeros: 0, positive: {}, negative: {} });
}

function counted(bins: Bins, value: number): Bins {
  if (value === 0) return { ...bins, zeros: bins.zeros + 1 };
  const key = mapping.key(Math.abs(value));
  const own = value > 0 ? bins.positive : bins.negative;
  count(own, String(key), 1);
  return bins;
}

function count(own: Record<string, number>, key: string, more: number): void {
  const known = own[key];
  own[key] = (known ?? 0) + more;
  if (known === undefined) collapse(own);
}

/** Beyond so many counters the two nearest to zero become one: what is far from it stays exact. */
function collapse(own: Record<string, number>): void {
  const keys = Object.keys(own);
  if (keys.length <= COUNTERS) return;
  const [least, next] = keys.map(Number).sort((a, b) => a - b) as [number, number];
  own[next] = own[next]! + own[least]!;
  delete own[least];
}

function joined(earlier: Held, later: Held): Held {
  if (Array.isArray(later)) return later.reduce(added, earlier);
  if (Array.isArray(earlier)) return joined(later, earlier);
  for (const sign of ['positive', 'negative'] as const)
    for (const [key, own] of Object.entries(later[sign])) count(earlier[sign], key, own);
  return { ...earlier, zeros: earlier.zeros + later.zeros };
}

function exactly(values: readonly number[]): (point: number) => number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return (point) => sorted[rankOf(point, sorted.length) - 1] ?? null;
}

/** From 1. What binary fractions add to a whole number does not make it the next one: 0.07 × 100 is 7.000000000000001. */
function rankOf(point: number, count: number): number {
  return Math.max(1, Math.ceil(((point * count) / 100) * (1 - 4 * Number.EPSILON)));
}

function roughly({ zeros, positive, negative }: Bins): (point: number) => number {
  const counts = [...valued(negative, -1), [0, zeros] as const, ...valued(positive, 1)];
  counts.sort(([a], [b]) => a - b);
  const count = counts.reduce((all, [, own]) => all + own, 0);
  return (point) => {
    let left = rankOf(point, count);
    return counts.find(([, own]) => (left -= own) <= 0)![0];
  };
}

function valued(own: Record<string, number>, sign: number): (readonly [value: number, count: number])[] {
  return Object.entries(own).map(([key, count]) => [sign * valueAt(Number(key)), count]);
}

/** By way of the key below it: what the library takes the last key from is beyond the greatest number. */
function valueAt(key: number): number {
  return mapping.value(key - 1) * mapping.gamma;
}

const EXACT = 1_000;
const COUNTERS = 2_048;
const { mapping } = new DDSketch({ relativeAccuracy: 0.01 });
