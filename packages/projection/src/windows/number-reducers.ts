import { reducer, type Reducer } from './reducer.js';

/** A number of a value, or nothing where it has none: then it is skipped. */
export type NumberOf<Value> = (value: Value) => number | null | undefined;

/** How many values there were. */
export function count(): Reducer<unknown, number> {
  return reducer<unknown, number>({ initial: 0, add: (held) => held + 1, merge: (a, b) => a + b });
}

/** The sum of the values, or of a number of each. */
export function sum(): Reducer<number, number>;
export function sum<Value>(of: NumberOf<Value>): Reducer<Value, number>;
export function sum<Value>(of?: NumberOf<Value>): Reducer<Value, number> {
  const add = (held: number, value: Value) => held + (numberOf('sum', value, of) ?? 0);
  return reducer({ initial: 0, add, merge: (a, b) => a + b });
}

/** The arithmetic mean; `null` of nothing. */
export function average(): Reducer<number, number | null>;
export function average<Value>(of: NumberOf<Value>): Reducer<Value, number | null>;
export function average<Value>(of?: NumberOf<Value>): Reducer<Value, number | null> {
  return reducer<Value, { readonly sum: number; readonly count: number }, number | null>({
    initial: { sum: 0, count: 0 },
    add: (held, value) => {
      const number = numberOf('average', value, of);
      return number === undefined ? held : { sum: held.sum + number, count: held.count + 1 };
    },
    merge: (a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }),
    result: (held) => (held.count === 0 ? null : held.sum / held.count),
  });
}

/** The least number; `null` of nothing. */
export function min(): Reducer<number, number | null>;
export function min<Value>(of: NumberOf<Value>): Reducer<Value, number | null>;
export function min<Value>(of?: NumberOf<Value>): Reducer<Value, number | null> {
  return extreme('min', of, Math.min);
}

/** The greatest number; `null` of nothing. */
export function max(): Reducer<number, number | null>;
export function max<Value>(of: NumberOf<Value>): Reducer<Value, number | null>;
export function max<Value>(of?: NumberOf<Value>): Reducer<Value, number | null> {
  return extreme('max', of, Math.max);
}

function extreme<Value>(
  name: string,
  of: NumberOf<Value> | undefined,
  choose: (a: number, b: number) => number,
): Reducer<Value, number | null> {
  const either = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : choose(a, b));
  return reducer<Value, number | null>({
    initial: null,
    add: (held, value) => either(held, numberOf(name, value, of) ?? null),
    merge: either,
  });
}

/** The number of a value; `undefined` where it has none. @throws TypeError where it is something else */
export function numberOf<Value>(
  name: string,
  value: Value,
  of: NumberOf<Value> | undefined,
): number | undefined {
  const number: unknown = of ? of(value) : value;
  if (number === undefined || number === null) return undefined;
  // Of −0 there is no JSON.
  if (typeof number === 'number' && Number.isFinite(number)) return number + 0;
  const given = typeof number === 'number' ? String(number) : typeof number;
  throw new TypeError(`${name} was given ${given}, which is no number: say which number of a value`);
}
