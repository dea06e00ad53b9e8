import { createHash } from 'node:crypto';
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
 * @throws InvalidOption
 */
export function distinct<Value>(
  of: LabelOf<Value>,
  { limit = 1_000 }: { readonly limit?: number } = {},
): Reducer<Value, DistinctCount> {
  wholeOption('limit', limit, 16, 10_000);
  return reducer<Value, string[], DistinctCount>({
    initial: [],
    add: (held, value) => {
      const label = of(value);
      if (label !== undefined && label !== null) insert(held, hashOf(label), limit);
      return held;
    },
    merge: (earlier, later) => {
      for (const hash of later) insert(earlier, hash, limit);
      return earlier;
    },
    result: (held) => estimate(held, limit),
  });
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
