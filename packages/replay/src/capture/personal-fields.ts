import { fieldsOf, type FieldType, type Json } from '@backstory/events';
import { elementType, propertyType, type StateType } from '../state-type.js';

/** The properties that are declared to tell of a person, as paths: `owner`, `customer.name`. */
export function personalPaths(type: FieldType, path = '', seen: readonly unknown[] = []): readonly string[] {
  if (type.isPersonal) return [path];
  if (type.of) return personalPaths(type.of, path, seen);
  // A class may have elements of itself.
  if (type.cls && seen.includes(type.cls)) return [];
  const fields = type.cls ? fieldsOf(type.cls) : (type.fields ?? new Map<string, FieldType>());
  return [...fields].flatMap(([name, it]) =>
    personalPaths(it, path === '' ? name : `${path}.${name}`, [...seen, type.cls]),
  );
}

/** What is said of a part of a value. */
interface Part {
  readonly type: StateType;
  readonly path?: string;
}

/** A value as it is stored, with another in place of each part that is declared to tell of a person. */
export function replacePersonal(
  value: Json,
  { type, path = '' }: Part,
  replace: (value: Json, path: string) => Json,
): Json {
  if (type === undefined || value === null) return value;
  if (type.isPersonal) return replace(value, path);
  const within = (it: Json, of: StateType, at = path) => replacePersonal(it, { type: of, path: at }, replace);
  if (Array.isArray(value)) {
    const of = elementType(type);
    if (type.kind !== 'map') return (value as readonly Json[]).map((it) => within(it, of));
    return (value as readonly (readonly [string, Json])[]).map(([key, it]) => [key, within(it, of)]);
  }
  if (typeof value !== 'object') return value;
  const members = Object.entries(value as object).map(([name, it]) => [
    name,
    within(it as Json, propertyType(type, name), path === '' ? name : `${path}.${name}`),
  ]);
  return Object.fromEntries(members) as Json;
}
