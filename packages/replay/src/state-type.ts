import { fieldsOf, type FieldType, type Json } from '@backstory/events';
import type { KeyedStep } from './state-path.js';

/** What a state, or a part of it, is declared to be; `undefined` for plain JSON. */
export type StateType = FieldType | undefined;

/** How the members of a part are told apart in a list: by index, or by a key that the elements hold; a map is stored as pairs. */
export type Telling = 'index' | { readonly key: string } | 'pairs';

/** How the members of a part are told apart. A list is told by its key only where each element has one of its own. */
export function tellingOf(type: StateType): Telling {
  if (type?.kind === 'map') return 'pairs';
  if (type?.kind === 'set') return { key: '' };
  if (type?.kind === 'list' && type.key !== undefined) return { key: type.key };
  return 'index';
}

/** What a property of an object is declared to be. */
export function propertyType(type: StateType, name: string): StateType {
  const fields = type?.kind === 'nested' ? fieldsOf(type.cls!) : type?.fields;
  return fields?.get(name);
}

/** What the elements of a list, set or map are declared to be. */
export function elementType(type: StateType): StateType {
  return type?.kind === 'list' || type?.kind === 'set' || type?.kind === 'map' ? type.of : undefined;
}

/** The key of an element; `undefined` where it has none. */
export function keyOf(element: Json | undefined, key: string): KeyedStep['is'] | undefined {
  if (key === '') return isScalar(element) ? element : undefined;
  if (element === undefined || isScalar(element) || Array.isArray(element) || !Object.hasOwn(element, key))
    return undefined;
  const is = (element as Readonly<Record<string, Json>>)[key];
  return isScalar(is) ? is : undefined;
}

export function isScalar(value: Json | undefined): value is string | number | boolean | null {
  return value !== undefined && (typeof value !== 'object' || value === null);
}

/** Whether the elements of a list can be told apart by this key. */
export function isKeyedBy(list: readonly Json[], key: string): boolean {
  const seen = new Set<unknown>();
  return list.every((it) => {
    const is = keyOf(it, key);
    return is !== undefined && seen.size < seen.add(is).size;
  });
}
