import type { Json } from '@backstory/events';
import { isKeyed, readStatePath, type KeyedStep, type StateStep } from './state-path.js';
import { elementType, isKeyedBy, keyOf, propertyType, tellingOf, type StateType } from './state-type.js';

/**
 * The value at a path of a state, `lines[2].sku`, `lines[sku="pen"]` or `prices["a.b"]`; `undefined` where the state has no such
 * path. With the type of the state, which says what is a map and which key a list has, the paths of changes are understood.
 *
 * @throws InvalidQuery when the text is no path
 */
export function valueAt(state: Json, path: string, type?: StateType): Json | undefined {
  return partAt({ value: state, type }, readStatePath(path))?.value;
}

/** A part of a state with what it is declared to be. */
export interface StatePart {
  readonly value: Json;
  readonly type: StateType;
}

export function partAt(root: StatePart, steps: readonly StateStep[]): StatePart | undefined {
  let at: StatePart | undefined = root;
  for (const step of steps) if ((at = memberAt(at, step)) === undefined) return undefined;
  return at;
}

/** The same place by the keys of the lists on the way: `lines[2].sku` may be `lines[sku="pen"].sku`. */
export function byKeys(root: StatePart, steps: readonly StateStep[]): readonly StateStep[] {
  let at: StatePart | undefined = root;
  return steps.map((step) => {
    const named = at ? stepByKey(at, step) : step;
    at = at && memberAt(at, step);
    return named;
  });
}

/** The members of a part, each with the step that leads to it: by key where the list has one. */
export function membersOf({ value, type }: StatePart): readonly (readonly [StateStep, StatePart])[] {
  if (typeof value !== 'object' || value === null) return [];
  if (!Array.isArray(value))
    return Object.entries(value).map(([name, it]) => [name, { value: it, type: propertyType(type, name) }]);
  const of = elementType(type);
  const telling = tellingOf(type);
  if (telling === 'pairs')
    return (value as [string, Json][]).map(([name, it]) => [name, { value: it, type: of }]);
  const isKeyed = telling !== 'index' && isKeyedBy(value, telling.key);
  return (value as readonly Json[]).map((it, i) => {
    const step = isKeyed ? { key: telling.key, is: keyOf(it, telling.key)! } : i;
    return [step, { value: it, type: of }];
  });
}

function stepByKey({ value, type }: StatePart, step: StateStep): StateStep {
  if (!Array.isArray(value)) return step;
  const telling = tellingOf(type);
  if (telling === 'pairs')
    return typeof step === 'number' ? ((value[step] as [string, Json] | undefined)?.[0] ?? step) : step;
  if (typeof telling === 'string') return step;
  const index = isKeyed(step) ? indexOf(value, step) : step;
  if (typeof index !== 'number' || !isKeyedBy(value, telling.key)) return step;
  const is = keyOf(value[index] as Json, telling.key);
  return is === undefined ? step : { key: telling.key, is };
}

function memberAt({ value, type }: StatePart, step: StateStep): StatePart | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) {
    if (type?.kind === 'map') return entryAt(value, elementType(type), step);
    const index = isKeyed(step) ? indexOf(value, step) : step;
    if (typeof index === 'string' || !Object.hasOwn(value, index)) return undefined;
    return { value: value[index] as Json, type: elementType(type) };
  }
  if (isKeyed(step) || !Object.hasOwn(value, step)) return undefined;
  const member = (value as Readonly<Record<string, Json>>)[step]!;
  return { value: member, type: propertyType(type, String(step)) };
}

function entryAt(pairs: readonly Json[], type: StateType, step: StateStep): StatePart | undefined {
  const wanted = isKeyed(step) ? step.is : step;
  const found = (pairs as readonly (readonly [string, Json])[]).find(
    ([key], i) => key === wanted || i === wanted,
  );
  return found && { value: found[1], type };
}

/** Where nothing has the key itself, what is written like it: a shell leaves no quotes. */
function indexOf(list: readonly Json[], { key, is }: KeyedStep): number {
  const exact = list.findIndex((it) => keyOf(it, key) === is);
  return exact >= 0
    ? exact
    : list.findIndex((it) => keyOf(it, key) !== undefined && String(keyOf(it, key)) === String(is));
}
