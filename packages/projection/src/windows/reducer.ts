import { knownOptions, type OptionNames } from '@backstory/core/store';
import { InvalidDefinition, type Json } from '@backstory/events';
import { encodeValue } from '@backstory/events/codec';

/**
 * Makes one value of many: a sum, a maximum, a list of the largest. What it holds meanwhile is JSON, is stored with the window, and
 * should be bounded.
 *
 * @typeParam Value - what a window collects of each event
 * @typeParam Result - what it gives
 */
export interface Reducer<in Value, out Result> {
  begin(): Json;
  /** What it holds after one more value. What it is given may be changed. */
  add(held: Json, value: Value): Json;
  /** What two that were apart hold together, the earlier one first: for sessions, which may grow into one. */
  readonly merge?: ((earlier: Json, later: Json) => Json) | undefined;
  result(held: Json): Result;
}

/**
 * A reducer of your own.
 *
 * ```ts
 * const product = reducer<number, number>({
 *   initial: 1,
 *   add: (held, value) => held * value,
 *   merge: (earlier, later) => earlier * later,
 * });
 * ```
 *
 * @throws InvalidDefinition, InvalidOption; UnstorableValue where `initial` is not what JSON knows: begin with `null` rather than
 * `Infinity`
 */
export function reducer<Value, Held, Result = Held>(
  parts: ReducerParts<Value, Held, Result>,
): Reducer<Value, Result> {
  const { initial, add, merge, result } = knownOptions(parts, PARTS);
  if (initial === undefined || typeof add !== 'function')
    throw new InvalidDefinition('reducer(…)', 'needs `initial` and a function `add`.');
  for (const [name, given] of Object.entries({ merge, result }))
    if (given !== undefined && typeof given !== 'function')
      throw new InvalidDefinition('reducer(…)', `has a \`${name}\` that is no function.`);
  const begun = JSON.stringify(encodeValue(initial, 'reducer.initial'));
  return Object.freeze({
    begin: () => JSON.parse(begun) as Json,
    add: (held: Json, value: Value) => add(held as Held, value) as Json,
    merge: merge && ((earlier: Json, later: Json) => merge(earlier as Held, later as Held) as Json),
    result: (held: Json) => (result ? result(held as Held) : (held as unknown as Result)),
  });
}

/** Whether something has what a reducer does. */
export function isReducer(value: unknown): boolean {
  const its = value as Partial<Reducer<never, unknown>> | null | undefined;
  return [its?.begin, its?.add, its?.result].every((it) => typeof it === 'function');
}

/** What a reducer is made of. Pure functions. */
export interface ReducerParts<Value, Held, Result> {
  /** What it holds before the first value, as JSON. */
  readonly initial: Held;
  /** What it holds after one more value. */
  readonly add: (held: Held, value: Value) => Held;
  /** What two that were apart hold together. Sessions need it. */
  readonly merge?: (earlier: Held, later: Held) => Held;
  /** What is to be known of it. Default: what it holds. */
  readonly result?: (held: Held) => Result;
}

/** A reducer for each of several values, by their names. */
export type Reducers<Value, Values extends object> = {
  readonly [Name in keyof Values]: Reducer<Value, Values[Name]>;
};

const PARTS: OptionNames<ReducerParts<unknown, unknown, unknown>> = {
  initial: true,
  add: true,
  merge: true,
  result: true,
};
