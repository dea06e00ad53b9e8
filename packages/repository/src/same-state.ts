import { types } from 'node:util';
import type { AggregateModel } from '@backstory/aggregate';
import { Big } from '@backstory/events';
import { formatPath, type PathStep } from '@backstory/events/codec';

/**
 * Why a restored instance would not go on as the one it was made of, where it would not. The state of a decider is never
 * changed in place, so that it does not matter whether two places of it hold one object.
 */
export function restoreProblem<A extends object>(
  model: AggregateModel<A>,
  aggregate: A,
  restored: A,
): string | undefined {
  const lost = differences(model, aggregate, restored);
  if (lost.length > 0) return `it would not be restored as it is: ${lost.join(', ')}`;
  const shared = model.isPure ? undefined : sharedPlaces(aggregate);
  return shared && `${shared} are one object, and would be restored as two`;
}

/**
 * How two instances differ: the properties that do. Compared are what the instances hold in fact, in its order, and their
 * states as they are stored, to the letter. Inside a value a field that is undefined counts as absent, as it does when it
 * is stored; on the aggregate itself it does not.
 */
export function differences<A extends object>(model: AggregateModel<A>, one: A, other: A): readonly string[] {
  const [of, to] = [ownOf(one), ownOf(other)];
  const names = [...new Set([...of.keys(), ...to.keys()])];
  const differing = names.filter(
    (name) => of.has(name) !== to.has(name) || !isSame(of.get(name), to.get(name)),
  );
  if (differing.length > 0) return differing;
  const isInOrder = [...to.keys()].every((name, i) => name === names[i]);
  return isInOrder && textOf(model, one) === textOf(model, other) ? [] : ['the order of its properties'];
}

/**
 * Two places of a state that hold one object: `first and lines[0]`. Read back they would hold two, and what a handler does
 * to one would no longer be done to the other. Dates and decimals are values: nobody changes them in place.
 */
function sharedPlaces(state: object): string | undefined {
  const places = new Map<object, readonly PathStep[]>();
  const visit = (value: unknown, path: readonly PathStep[]): string | undefined => {
    if (!isObject(value) || types.isDate(value) || value instanceof Big) return undefined;
    const place = places.get(value);
    if (place) return `${formatPath(place)} and ${formatPath(path)}`;
    places.set(value, path);
    for (const [key, member] of membersOf(value)) {
      const found = visit(member, [...path, key]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(state, []);
}

/** `open` is what stands around `one`: of an object inside itself it is enough that both go on inside themselves. */
function isSame(one: unknown, other: unknown, open: readonly object[] = []): boolean {
  if (!isObject(one) || !isObject(other)) return Object.is(one, other);
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  if (types.isDate(one)) return one.getTime() === (other as Date).getTime();
  if (open.includes(one)) return true;
  const [of, to, around] = [presentIn(one), presentIn(other), [...open, one]];
  if (of.length !== to.length) return false;
  return of.every(([key, member], i) => key === to[i]![0] && isSame(member, to[i]![1], around));
}

function presentIn(value: object): readonly (readonly [PathStep, unknown])[] {
  return [...membersOf(value)].filter(([, member]) => member !== undefined);
}

function membersOf(value: object): Iterable<readonly [PathStep, unknown]> {
  if (Array.isArray(value)) return value.entries();
  if (types.isSet(value)) return [...value].entries();
  return types.isMap(value) ? (value as Map<string, unknown>) : Object.entries(value);
}

function ownOf(aggregate: object): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(aggregate));
}

function textOf<A extends object>(model: AggregateModel<A>, aggregate: A): string | undefined {
  try {
    return JSON.stringify(model.state(aggregate));
  } catch {
    // A state that cannot be stored was compared by what it holds.
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
