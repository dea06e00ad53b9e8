import { createHash } from 'node:crypto';
import { knownOptions } from '@backstory/core/store';
import { InvalidDefinition } from '@backstory/events';
import { reducer, type Reducer } from './reducer.js';
import { wholeOption } from '../whole-option.js';

/** A text or a number by which values are told apart, or nothing where one has none: then it is skipped. */
export type LabelOf<Value> = (value: Value) => string | number | boolean | null | undefined;

/** How many different values there were. */
export interface DistinctCount {
  readonly count: number;
  /** Whether it was counted, not estimated. */
  readonly isExact: boolean;
}

/**
 * How many different ones there were among the values, or among something of each: counted up to `limit` (default 1,000), estimated
 * beyond that with a standard error of 1/√`limit` (3 % at 1,000). It holds the `limit` least hashes that it has seen (Bar-Yossef et
 * al., Counting distinct elements in a data stream, 2002), so that order and repetition make no difference.
 *
 * @throws InvalidOption, InvalidDefinition
 */
export function distinct<Value>(
  of: LabelOf<Value>,
  options: { readonly limit?: number } = {},
): Reducer<Value, DistinctCount> {
  requireFunction('distinct(…)', of);
  const { limit = 1_000 } = knownOptions(options, { limit: true });
  wholeOption('limit', limit, 16, 10_000);
  return reducer<Value, string[], DistinctCount>({
    initial: [],
    add: (held, value) => {
      const label = labelOf('distinct', value, of);
      if (label !== undefined) insert(held, hashOf(label), limit);
      return held;
    },
    merge: (earlier, later) => {
      for (const hash of later) insert(earlier, hash, limit);
      return earlier;
    },
    result: (held) => estimate(held, limit),
  });
}

/** The label of a value; `undefined` where it has none. @throws TypeError where it is something else */
export function labelOf<Value>(
  name: string,
  value: Value,
  of: LabelOf<Value>,
): string | number | boolean | undefined {
  const label: unknown = of(value);
  if (label === undefined || label === null) return undefined;
  if (typeof label === 'string' || typeof label === 'number' || typeof label === 'boolean') return label;
  throw new TypeError(
    `${name} was given ${typeof label}, which is no text, number, true or false: say which of a value`,
  );
}

/** @throws InvalidDefinition */
export function requireFunction(subject: string, of: unknown): void {
  if (typeof of !== 'function')
    throw new InvalidDefinition(
      subject,
      'needs a function of the value: (value) => value, where it is that.',
    );
}

/** One more than the limit is held: only then is it known that there were more. */
function insert(held: string[], hash: string, limit: number): void {
  let [from, to] = [0, held.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (held[middle]! < hash) from = middle + 1;
    else to = middle;
  }
  if (held[from] === hash) return;
  held.splice(from, 0, hash);
  if (held.length > limit + 1) held.pop();
}

function estimate(held: readonly string[], limit: number): DistinctCount {
  if (held.length <= limit) return { count: held.length, isExact: true };
  const share = (parseInt(held.at(-1)!, 16) + 1) / 2 ** BITS;
  return { count: Math.round(limit / share), isExact: false };
}

function hashOf(label: string | number | boolean): string {
  const text = `${typeof label} ${label}`;
  return createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, BITS / 4);
}

const BITS = 52;
