import { knownOptions } from '@backstory/core/store';
import { InvalidDefinition } from '@backstory/events';
import { labelOf, requireFunction, type LabelOf } from './distinct.js';
import { numberOf, type NumberOf } from './number-reducers.js';
import { reducer, type Reducer } from './reducer.js';
import { wholeOption } from '../whole-option.js';

/** The `n` greatest values, or those of which a number is greatest, the greatest first; of equal ones the earlier first. */
export function top(n: number): Reducer<number, readonly number[]>;
export function top<Value>(n: number, of: NumberOf<Value>): Reducer<Value, readonly Value[]>;
export function top<Value>(n: number, of?: NumberOf<Value>): Reducer<Value, readonly Value[]> {
  wholeOption('n', n, 1, 1_000);
  const add = (held: Scored<Value>[], scored: Scored<Value>): Scored<Value>[] => {
    const at = held.findIndex(([score]) => score < scored[0]);
    held.splice(at === -1 ? held.length : at, 0, scored);
    return held.slice(0, n);
  };
  return reducer<Value, Scored<Value>[], readonly Value[]>({
    initial: [],
    add: (held, value) => {
      const score = numberOf('top', value, of);
      return score === undefined ? held : add(held, [score, value]);
    },
    merge: (earlier, later) => later.reduce(add, earlier),
    result: (held) => held.map(([, value]) => value),
  });
}

type Scored<Value> = [score: number, value: Value];

/** One of the most frequent, and how often it was there. */
export interface Frequent {
  readonly value: string;
  readonly count: number;
  /** It was there at least `count - error` times; 0: exactly `count` times. */
  readonly error: number;
}

/**
 * The `n` most frequent texts, or those with the greatest total `weight`, the greatest first. Exact up to `limit` different ones
 * (default 1,000); beyond that with an error that each says (Metwally et al., Efficient Computation of Frequent and Top-k Elements in
 * Data Streams, 2005; put together as in Agarwal et al., Mergeable Summaries, 2012).
 *
 * @throws InvalidOption, InvalidDefinition
 */
export function mostFrequent<Value>(
  n: number,
  of: LabelOf<Value>,
  options: FrequentOptions<Value> = {},
): Reducer<Value, readonly Frequent[]> {
  requireFunction('mostFrequent(…)', of);
  const { weight, limit = 1_000 } = knownOptions(options, { weight: true, limit: true });
  wholeOption('n', n, 1, 1_000);
  wholeOption('limit', limit, n, 10_000);
  if (weight !== undefined && typeof weight !== 'function')
    throw new InvalidDefinition('mostFrequent(…)', 'has a `weight` that is no function of the value.');
  return reducer<Value, Held, readonly Frequent[]>({
    initial: {},
    add: (held, value) => {
      const label = labelOf('mostFrequent', value, of);
      const more = weight ? (numberOf('mostFrequent', value, weight) ?? 0) : 1;
      if (more < 0) throw new RangeError(`mostFrequent was given the weight ${more}, which is less than 0`);
      return label === undefined ? held : counted(held, nameOf(label), more, limit);
    },
    merge: (earlier, later) => merged(earlier, later, limit),
    result: (held) => ranked(held).slice(0, n),
  });
}

/** What of the values is weighed, and how many different ones are held at most. */
export interface FrequentOptions<Value> {
  /** Default: 1 for each value. */
  readonly weight?: NumberOf<Value>;
  readonly limit?: number;
}

/** Counts and errors, by a name that no property of objects has. */
type Held = Record<string, [count: number, error: number]>;

function counted(held: Held, name: string, more: number, limit: number): Held {
  const own = held[name];
  if (own) held[name] = [own[0] + more, own[1]];
  else if (Object.keys(held).length < limit) held[name] = [more, 0];
  else {
    const least = Object.keys(held).reduce((a, b) => (held[b]![0] < held[a]![0] ? b : a));
    const [instead] = held[least]!;
    delete held[least];
    held[name] = [instead + more, instead];
  }
  return held;
}

/** What only one of them holds the other may have had and given up: as often as what it holds least, at most. */
function merged(earlier: Held, later: Held, limit: number): Held {
  const [a, b] = [givenUp(earlier), givenUp(later)];
  const names = [...new Set([...Object.keys(earlier), ...Object.keys(later)])];
  const all = names.map((name): [string, Held[string]] => {
    const [[x, p], [y, q]] = [earlier[name] ?? [a, a], later[name] ?? [b, b]];
    return [name, [x + y, p + q]];
  });
  all.sort(([, [x]], [, [y]]) => y - x);
  const kept = all.slice(0, limit);
  const [, least] = kept.at(-1) ?? [];
  // That something was given up is known later on by an error.
  if (all.length > limit && kept.every(([, [, error]]) => error === 0)) least![1] = least![0];
  return Object.fromEntries(kept);
}

/** How often something that is not held may have been there. Where nothing was given up nothing has an error. */
function givenUp(held: Held): number {
  const all = Object.values(held);
  return all.some(([, error]) => error > 0) ? Math.min(...all.map(([count]) => count)) : 0;
}

function ranked(held: Held): Frequent[] {
  const all = Object.entries(held).map(([name, [count, error]]) => ({ value: name.slice(1), count, error }));
  return all.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
}

/** Never a number, which would change places, nor `__proto__`. */
function nameOf(label: string | number | boolean): string {
  return `=${label}`;
}
