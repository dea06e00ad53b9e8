import { knownOptions, type OptionNames } from '@backstory/core/store';
import { InvalidDefinition, type Class } from '@backstory/events';
import { encodeValue } from '@backstory/events/codec';
import type { FunctionalFold, FunctionalProjection } from '../definition/functional-projection.js';
import { checkProjectionName } from '../definition/projection-name.js';
import {
  UNINDEXED,
  checkProjectionOptions,
  type ProjectionOptions,
} from '../definition/projection-options.js';
import { takeByPattern, type PatternDocument, type PatternMatch, type Rules } from './pattern-fold.js';
import { areSteps, type Step } from './step.js';
import { wholeOption } from '../whole-option.js';

/**
 * A projection that looks for events one after another: one, then another one within a time, without a third in between. Which ones is
 * said by `find`.
 *
 * ```ts
 * export const passedThrough = pattern('passed-through', {
 *   version: 1,
 *   key: accountOf,
 *   withinMs: 3_600_000,
 *   initial: { came: 0 },
 * }).find({
 *   steps: [
 *     step(Deposited, { when: ({ amount }) => amount >= 1_000, keep: ({ amount }) => ({ came: amount }) }),
 *     step(Withdrawn, { when: ({ amount }, { came }) => amount >= came * 0.9 }),
 *   ],
 *   without: [step(Verified)],
 * });
 * ```
 *
 * @throws InvalidDefinition, InvalidOption; UnstorableValue where `initial` is not what JSON knows
 */
export function pattern<Memory>(name: string, parts: PatternParts<Memory>): Unfound<Memory> {
  const { withinMs, initial, maxOpen = 100, ...options } = knownOptions(parts, PARTS);
  checkProjectionName('pattern(…)', name);
  checkProjectionOptions(name, options);
  if (initial === undefined)
    throw new InvalidDefinition(
      name,
      'needs `initial`, what is remembered before the first step: {} where that is nothing.',
    );
  const remembered = JSON.stringify(encodeValue(initial, `${name}.initial`));
  wholeOption('withinMs', withinMs, 1, Number.MAX_SAFE_INTEGER);
  wholeOption('maxOpen', maxOpen, 1, 1_000);
  return {
    find(sequence) {
      const { steps, without = [] } = knownOptions(sequence, SEQUENCE);
      if (!areSteps(steps) || steps.length < 2)
        throw new InvalidDefinition(name, 'needs at least two `steps`: [step(A), step(B)].');
      if (!areSteps(without))
        throw new InvalidDefinition(name, 'has `without` that is no list of steps: [step(C)].');
      const rules = { initial: remembered, withinMs, steps, without, maxOpen };
      const classes = new Set([...steps, ...without].map(({ event }) => event));
      const folds = [...classes].map((event) => folded(rules, event));
      const begun: PatternDocument<Memory> = { time: null, found: 0, forgotten: 0, open: [] };
      return Object.freeze({ name, options, initial: begun, fields: undefined, folds });
    },
  };
}

function folded<Memory>(rules: Rules<Memory>, event: Class): FunctionalFold {
  const run: FunctionalFold['run'] = (document, _event, recorded, _key, emit) => {
    const own = document as PatternDocument<Memory>;
    for (const found of takeByPattern(rules, own, { event, recorded })) emit(found);
    return own;
  };
  return { event, name: event.name, run };
}

/** What {@link pattern} is given. */
export interface PatternParts<Memory> extends Omit<ProjectionOptions, 'indexes'> {
  /** From the first event to the last at most so many milliseconds, by the times at which they happened. */
  readonly withinMs: number;
  /** What is remembered before the first step, as JSON. */
  readonly initial: Memory;
  /**
   * First steps of a key that may wait for the rest at the same time; where there are more, the first of them is forgotten, and
   * counted. Default 100, at most 1,000.
   */
  readonly maxOpen?: number;
}

/** A pattern of which it is still to be said which events it is made of. */
export interface Unfound<Memory> {
  /** Makes the projection. @throws InvalidDefinition, InvalidOption */
  find(sequence: Sequence<Memory>): Pattern<Memory>;
}

/** The events of a pattern. */
export interface Sequence<Memory> {
  /** Events that come one after another in the log, others of the key in between. At least two. */
  readonly steps: readonly Step<Memory>[];
  /** Events that end it: after the first step, none of them may come before the last. */
  readonly without?: readonly Step<Memory>[];
}

/** What {@link pattern} made: a projection, one document a key. Its results are `PatternMatch`es. */
export type Pattern<Memory> = FunctionalProjection<PatternDocument<Memory>, PatternMatch<Memory>>;

const PARTS: OptionNames<PatternParts<unknown>> = {
  ...UNINDEXED,
  withinMs: true,
  initial: true,
  maxOpen: true,
};
const SEQUENCE: OptionNames<Sequence<never>> = { steps: true, without: true };
