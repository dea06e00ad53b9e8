import { types } from 'node:util';
import { EventTypes, InvalidDefinition, type AnyClass, type Class, type EventType } from '@backstory/events';
import {
  classOfEvent,
  eventTypeOf,
  handlersOf,
  ignoredBy,
  refusePrivateState,
} from '@backstory/events/codec';
import { declaredAggregate } from './aggregate-decorator.js';
import { AsyncFold, MissingHandler } from './errors.js';
import { stateFormOf, type StateForm } from './state-form.js';
import type { DeclaredState } from './state-options.js';

/** An event type and the method that folds it; without a method it changes nothing. */
export interface FoldStep {
  readonly type: EventType;
  readonly method: string | symbol | undefined;
}

/** Everything about folding that depends on the class alone, worked out once. */
export interface FoldPlan {
  /** The name of the class. */
  readonly name: string;
  readonly category: string;
  readonly state: DeclaredState;
  readonly types: EventTypes;
  /** By event name and by alias. */
  readonly steps: ReadonlyMap<string, FoldStep>;
  /** How instances hold their state. */
  readonly form: StateForm;
}

/**
 * Checks an aggregate class and works out its plan. `base` is where framework classes begin.
 *
 * @throws InvalidDefinition, PrivateState, AsyncFold, NotAnEvent …
 */
export function foldPlan(cls: Class, base: Class): FoldPlan {
  const { category, ...state } = declaredAggregate(cls);
  if (cls.length > 0)
    throw new InvalidDefinition(
      cls.name,
      'has a constructor with parameters: aggregates are made without, from their events alone.',
    );
  refusePrivateState(cls, base);
  const types = new EventTypes(hasEvents(cls) ? [cls] : [], cls.name);
  const methods = foldMethods(cls);
  const steps = new Map<string, FoldStep>();
  for (const type of types.all) {
    const step = { type, method: methods.get(type.cls) };
    for (const name of [type.name, ...type.aliases]) steps.set(name, step);
  }
  return { name: cls.name, category, state, types, steps, form: stateFormOf(cls) };
}

/** The step for an event about to be raised. @throws NotAnEvent, MissingHandler */
export function stepFor(plan: FoldPlan, event: object): FoldStep {
  const type = eventTypeOf(classOfEvent(event));
  const step = plan.steps.get(type.name);
  if (step?.type !== type) throw new MissingHandler(plan.name, type.cls.name);
  return step;
}

type FoldRow = ReturnType<typeof handlersOf>[number];

function hasEvents(cls: Class): boolean {
  return handlersOf(cls).length > 0 || ignoredBy(cls).length > 0;
}

/** What a subclass says of an event replaces what its ancestor says; two handlers in one class would have no order. */
function foldMethods(cls: Class): ReadonlyMap<Class, string | symbol> {
  const rows = new Map<Class, FoldRow>();
  for (const row of handlersOf(cls)) {
    const subject = `${cls.name}.${String(row.method)}`;
    if (row.options) throw new InvalidDefinition(subject, OPTIONS);
    if (isAsync((cls.prototype as Record<string | symbol, unknown>)[row.method]))
      throw new AsyncFold(subject);
    const other = rows.get(row.event);
    if (other && other.declaredIn === row.declaredIn && other.method !== row.method) {
      throw new InvalidDefinition(
        subject,
        `folds ${row.event.name}, and so does ${String(other.method)}: one event, one handler.`,
      );
    }
    rows.set(row.event, row);
  }
  for (const row of rows.values()) if (isIgnoredBelow(cls, row)) rows.delete(row.event);
  return new Map([...rows].map(([event, { method }]) => [event, method]));
}

/** Whether a subclass of the one that declares a handler says that the event is ignored after all. */
function isIgnoredBelow(cls: Class, { event, method, declaredIn }: FoldRow): boolean {
  const timesIgnored = (by: AnyClass) => ignoredBy(by).filter((it) => it === event).length;
  const times = timesIgnored(declaredIn);
  if (times > timesIgnored(Object.getPrototypeOf(declaredIn) as AnyClass)) {
    throw new InvalidDefinition(
      `${declaredIn.name}.${String(method)}`,
      `folds ${event.name}, which the class says it ignores: one of the two cannot be meant.`,
    );
  }
  return timesIgnored(cls) > times;
}

const OPTIONS =
  'has reaction options, but folding is not a reaction: it is never retried, timed or filtered.';

function isAsync(method: unknown): boolean {
  return types.isAsyncFunction(method) || types.isGeneratorFunction(method);
}
