import { types } from 'node:util';
import { Big } from 'big.js';
import type { AnyClass, Class } from './class-table.js';
import { InvalidDefinition, UnreadableValue } from './errors.js';
import type { FieldType, FieldWriter } from './field-type.js';
import { decodeFields, readFields } from './instance-codec.js';
import type { Json } from './json.js';
import { refuseBuiltIn, refusePrivateState } from './private-state.js';
import { WHICH_BIG, isPlain, problemOf } from './unstorable.js';

/**
 * What the elements of a list, map or set are: a field type, a class, or `String`, `Number`, `Boolean` for plain JSON; a
 * plain object with the types of its properties, `{ price: decimal }`, for plain objects.
 */
export type ElementType =
  FieldType | AnyClass | StringConstructor | NumberConstructor | BooleanConstructor | ObjectFields;

/** The properties of a plain object that JSON does not know: `{ openedAt: instant, lines: listOf({ price: decimal }) }`. */
export interface ObjectFields {
  readonly [property: string]: ElementType;
}

/** A point in time, a valid `Date`, exact to the millisecond. Stored as ISO 8601 text in UTC. */
export const instant: FieldType<Date> = {
  kind: 'instant',
  encode(value, writer) {
    if (!types.isDate(value) || isAltered(value, Date)) return mismatch(writer, value, 'a Date');
    return Number.isNaN(value.getTime()) ? writer.refuse('an invalid Date', 'use null') : value.toISOString();
  },
  decode(json, path) {
    // Without a time zone the text would mean another instant on another machine.
    const date = new Date(typeof json === 'string' && INSTANT.test(json) ? json : NaN);
    if (Number.isNaN(date.getTime())) throw new UnreadableValue(path, 'an instant');
    return date;
  },
};

/**
 * An exact decimal number, a `Big` of [big.js](https://mikemcl.github.io/big.js/). Stored as text. Import `Big` from
 * `backstory` or `@backstory/events`: what another copy of big.js makes is of another class, and is refused.
 */
export const decimal: FieldType<Big> = {
  kind: 'decimal',
  encode(value, writer) {
    if (!(value instanceof Big)) return mismatch(writer, value, `a Big, ${WHICH_BIG}`);
    const isMinusZero = value.s < 0 && value.c[0] === 0;
    return isMinusZero ? writer.refuse('-0', 'use 0') : value.toString();
  },
  decode(json, path) {
    if (typeof json !== 'string' || !DECIMAL.test(json)) throw new UnreadableValue(path, 'a decimal');
    return new Big(json);
  },
};

/** A `bigint`: an integer of any size. Stored as text. */
export const bigint: FieldType<bigint> = {
  kind: 'bigint',
  encode: (value, writer) =>
    typeof value === 'bigint' ? value.toString() : mismatch(writer, value, 'a bigint'),
  decode(json, path) {
    if (typeof json !== 'string' || !INTEGER.test(json)) throw new UnreadableValue(path, 'a bigint');
    return BigInt(json);
  },
};

/**
 * An array whose elements are declared: a field type, a class, `String`, `Number` or `Boolean`, or for plain objects the types
 * of their properties, `listOf({ price: decimal })`. `key` names the field that tells them apart when two lists are compared.
 */
export function listOf(element: ElementType, { key }: { readonly key?: string } = {}): FieldType<unknown[]> {
  const of = elementType(element);
  return {
    kind: 'list',
    of,
    ...(key !== undefined && { key }),
    encode: (value, writer) =>
      Array.isArray(value) ? writer.array(value, of) : mismatch(writer, value, 'an array'),
    decode: (json, path) => decodeAll(json, of, path),
  };
}

/** A `Set` whose elements are declared as with {@link listOf}, `{ price: decimal }` included. Stored as an array in its order. */
export function setOf(element: ElementType): FieldType<Set<unknown>> {
  const of = elementType(element);
  return {
    kind: 'set',
    of,
    encode(value, writer) {
      if (!types.isSet(value) || isAltered(value, Set)) return mismatch(writer, value, 'a Set');
      return writer.array([...value], of);
    },
    decode: (json, path) => new Set(decodeAll(json, of, path)),
  };
}

/**
 * A `Map` with text keys whose values are declared as with {@link listOf}, `{ price: decimal }` included. Stored as an array of
 * pairs, so that its order survives.
 */
export function mapOf(element: ElementType): FieldType<Map<string, unknown>> {
  const of = elementType(element);
  return {
    kind: 'map',
    of,
    encode(value, writer) {
      if (!types.isMap(value) || isAltered(value, Map)) return mismatch(writer, value, 'a Map');
      return writer.entries(value, of);
    },
    decode(json, path) {
      if (!Array.isArray(json)) throw new UnreadableValue(path, 'a map');
      return new Map((json as readonly Json[]).map((pair) => decodePair(pair, of, path)));
    },
  };
}

/** An instance of a class of your own: a value object. Its fields may be declared in turn; its constructor is not run when it is read. */
export function nested(cls: AnyClass): FieldType<object> {
  if (typeof cls !== 'function') {
    throw new InvalidDefinition(
      'nested(…)',
      'was given no class: two files that import each other leave it undefined.',
    );
  }
  refuseBuiltIn(cls);
  return {
    kind: 'nested',
    cls,
    encode(value, writer) {
      refusePrivateState(cls);
      return typeof value === 'object'
        ? writer.instance(value!, cls)
        : mismatch(writer, value, `a ${cls.name}`);
    },
    decode(json, path) {
      if (typeof json !== 'object' || json === null || Array.isArray(json))
        throw new UnreadableValue(path, `a ${cls.name}`);
      return readFields(cls as Class, json as Record<string, Json>, path);
    },
  };
}

/**
 * What tells of a person, stored as its type says, by default plain JSON: `personal()`, `personal(instant)`, `listOf({ name:
 * personal() })`. Where events are taken elsewhere, as by `backstory capture`, a pseudonym stands in its place.
 */
export function personal(element: ElementType = String): FieldType {
  // Not a copy: a type of somebody's own may be an instance of a class.
  return Object.create(elementType(element), { isPersonal: { value: true } }) as FieldType;
}

/** A plain object of which some properties are declared; the others are plain JSON. */
export function objectOf(properties: ObjectFields): FieldType<object> {
  const fields = new Map(Object.entries(properties).map(([name, type]) => [name, elementType(type)]));
  return {
    kind: 'object',
    fields,
    encode: (value, writer) =>
      isPlain(value) ? writer.object(value, fields) : mismatch(writer, value, 'a plain object'),
    decode(json, path) {
      if (!isPlain(json)) throw new UnreadableValue(path, 'an object');
      if (fields.size > 0) decodeFields(fields, json as Record<string, unknown>, path);
      return json;
    },
  };
}

const INSTANT = /^(\d{4}|[+-]\d{6})-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;
const DECIMAL = /^-?\d+(\.\d+)?(e[+-]\d+)?$/;
const INTEGER = /^-?\d+$/;

const plain: FieldType = {
  kind: 'plain',
  encode: (value, writer) => writer.write(value),
  decode: (json) => json,
};

function elementType(element: ElementType): FieldType {
  if (element === String || element === Number || element === Boolean) return plain;
  if (typeof element === 'function') return nested(element as AnyClass);
  if (typeof (element as Partial<FieldType> | undefined)?.encode === 'function') return element as FieldType;
  if (isPlain(element)) return objectOf(element as ObjectFields);
  throw new InvalidDefinition(
    'listOf(…), mapOf(…) or setOf(…)',
    'was given neither a field type nor a class: two files that import each other leave it undefined.',
  );
}

function decodeAll(json: Json, of: FieldType, path: string): unknown[] {
  if (!Array.isArray(json)) throw new UnreadableValue(path, 'a list');
  const items = json as unknown[];
  if (of !== plain) {
    for (let i = 0; i < items.length; i++) {
      if (items[i] !== null) items[i] = of.decode(items[i] as Json, `${path}[${i}]`);
    }
  }
  return items;
}

function decodePair(pair: Json, of: FieldType, path: string): [string, unknown] {
  const [key, value] = Array.isArray(pair) ? (pair as readonly Json[]) : [];
  if (typeof key !== 'string' || value === undefined) throw new UnreadableValue(path, 'an entry of a map');
  return [key, value === null ? null : of.decode(value, `${path}.${key}`)];
}

function isAltered(value: object, cls: AnyClass): boolean {
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null;
  return prototype?.constructor?.name !== cls.name || Reflect.ownKeys(value).length > 0;
}

function mismatch(writer: FieldWriter, value: unknown, wanted: string): never {
  const found = typeof value === 'object' ? problemOf(value) : `a ${typeof value}`;
  return writer.refuse(found, `its field is declared to be ${wanted}`);
}
