import type { RecordedEvent } from '@backstory/core';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import { InvalidDefinition, type Class } from '@backstory/events';
import type { FunctionalFold, FunctionalProjection } from '../definition/functional-projection.js';
import { checkProjectionName } from '../definition/projection-name.js';
import {
  UNINDEXED,
  checkProjectionOptions,
  type ProjectionOptions,
} from '../definition/projection-options.js';
import type { Reducers } from './reducer.js';
import type { WindowShape } from './shapes.js';
import type { ClosedWindow, WindowDocument } from './window-document.js';
import { windowFold, type WindowFold } from './window-fold.js';

/**
 * A projection whose documents are windows: of the values of events, by time or by count. What is made of the values is said by
 * `reduce`.
 *
 * ```ts
 * export const paymentsPerDay = windows('payments-per-day', {
 *   version: 1,
 *   key: () => 'all',
 *   events: { PaymentReceived },
 *   value: { PaymentReceived: ({ amount }) => amount },
 *   shape: tumbling({ sizeMs: 86_400_000, latenessMs: 3_600_000 }),
 * }).reduce({ payments: count(), cents: sum(), largest: max() });
 * ```
 *
 * @throws InvalidDefinition, InvalidOption
 */
export function windows<Events extends Readonly<Record<string, Class>>, Of extends ValuesOf<Events>>(
  name: string,
  parts: WindowsParts<Events, Of>,
): Unreduced<ValueOf<Of>> {
  const { events, value, shape, ...options } = knownOptions(parts, PARTS);
  checkProjectionName('windows(…)', name);
  checkProjectionOptions(name, options);
  const names = Object.keys(events ?? {});
  const missing = names.find((it) => typeof value?.[it] !== 'function');
  if (missing !== undefined)
    throw new InvalidDefinition(name, `says nothing of ${missing}: give \`value\` a function ${missing}.`);
  const unknown = Object.keys(value ?? {}).find((it) => !names.includes(it));
  if (unknown !== undefined)
    throw new InvalidDefinition(name, `has a value of ${unknown}, which is not among its \`events\`.`);
  return {
    reduce: (reducers) => {
      const fold = windowFold<ValueOf<Of>>(shape).reduce(reducers);
      const folds = names.map((it) => folded(fold, it, events[it]!, value[it] as ValueOfEvent<ValueOf<Of>>));
      return Object.freeze({ name, options, initial: fold.begin(), fields: undefined, folds, fold });
    },
  };
}

function folded<Value, Values>(
  fold: WindowFold<Value, Values>,
  name: string,
  event: Class,
  valueOf: ValueOfEvent<Value>,
): FunctionalFold {
  const run: FunctionalFold['run'] = (document, it, recorded, _key, emit) => {
    const own = document as WindowDocument;
    for (const closed of fold.add(own, valueOf(it, recorded), recorded)) emit(closed);
    return own;
  };
  return { event, name, run };
}

type ValueOfEvent<Value> = (event: object, recorded: RecordedEvent<object>) => Value | null | undefined;

/** What {@link windows} is given. */
export interface WindowsParts<
  Events extends Readonly<Record<string, Class>>,
  Of extends ValuesOf<Events>,
> extends Omit<ProjectionOptions, 'indexes'> {
  /** The event classes, by the names that `value` uses. */
  readonly events: Events;
  /**
   * By the name of the event, what a window collects of it. `undefined` and `null` are skipped: such an event only says what time it is,
   * and closes the windows that are over by then.
   */
  readonly value: Of;
  /** Which events are in one window. */
  readonly shape: WindowShape;
}

/** By the name of the event, a function that gives its value. */
export type ValuesOf<Events extends Readonly<Record<string, Class>>> = {
  readonly [Name in keyof Events]: (
    event: InstanceOf<Events[Name]>,
    recorded: RecordedEvent<InstanceOf<Events[Name]>>,
  ) => unknown;
};

/** What such functions give, where they give something. */
export type ValueOf<Of> = {
  [Name in keyof Of]: Of[Name] extends (...given: never[]) => infer Value ? NonNullable<Value> : never;
}[keyof Of];

type InstanceOf<Cls> = Cls extends Class<infer Event> ? Event : never;

/** Windows of values, of which it is still to be said what is made of them. */
export interface Unreduced<Value> {
  /** Makes the projection: `.reduce({ payments: count(), cents: sum() })`. @throws InvalidDefinition */
  reduce<Values extends object>(reducers: Reducers<Value, Values>): Windows<Values>;
}

/** What {@link windows} made: a projection, one document a key. */
export interface Windows<Values> extends FunctionalProjection<WindowDocument, ClosedWindow<Values>> {
  readonly fold: WindowFold<never, Values>;
}

const PARTS: OptionNames<WindowsParts<never, never>> = {
  ...UNINDEXED,
  events: true,
  value: true,
  shape: true,
};
