import { types } from 'node:util';
import { Big } from 'big.js';
import { formatPath, type PathStep } from './path.js';

/** Only this class is the one that `decimal` stores. */
export const WHICH_BIG = 'the class Big that backstory and @backstory/events export';

/**
 * Where a value stands, as far as advice depends on it: where no class is near (metadata); somewhere inside an instance;
 * as a property that its class does not declare, or as an item of a list that is such a property; somewhere in a plain
 * object whose properties can be declared.
 */
export type Place = 'plain' | 'inside' | UndeclaredProperty | UndeclaredPath;

/** A property that a class could declare. */
export interface UndeclaredProperty {
  readonly cls: string;
  readonly property: string;
  readonly isItem: boolean;
}

/** The way from a plain object to what its fields do not declare. */
export interface UndeclaredPath {
  readonly steps: readonly PathStep[];
}

/** Whether it is an object without a class. Those of another realm (a Jest sandbox, node:vm) are plain as well. */
export function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return true;
  return typeof prototype === 'object' && prototype !== null && Object.hasOwn(prototype, 'isPrototypeOf');
}

/** What a value is, for a value that JSON cannot hold. */
export function problemOf(value: unknown): string {
  return kindOf(value).problem;
}

/** What a value is and what to do about it where it stands, for a value that JSON cannot hold. */
export function adviceFor(value: unknown, place: Place): [problem: string, advice: string] {
  const kind = kindOf(value);
  return [kind.problem, 'advice' in kind ? kind.advice : adviceAt(place, kind)];
}

/** What no field type stores. */
interface Hopeless {
  readonly problem: string;
  readonly advice: string;
}

/** What a field type stores. */
interface Declarable {
  readonly problem: string;
  readonly type: string;
  /** What JSON can hold in its place. */
  readonly instead: string;
  /** What has to be done beside declaring it. */
  readonly first?: string;
}

function adviceAt(place: Place, { type, instead, first = '' }: Declarable): string {
  if (place === 'plain') return `store ${instead}`;
  if (place === 'inside')
    return `store ${instead}, or make what holds it a class that declares it as ${type}, and declare that with nested(…)`;
  if ('steps' in place) return `${first}declare it with fields: ${declaration(place.steps, type)}`;
  const { cls, property, isItem } = place;
  const declared = isItem ? `listOf(${type})` : type;
  // A property of the parameter list has no place for a decorator of its own, and nothing tells it from others.
  const parameter = `with @Fields({ ${formatPath([property])}: ${declared} }) on ${cls} where it is a constructor parameter`;
  return `${first}declare ${isItem ? 'its list' : 'it'} with @Field(${declared}), or ${parameter}`;
}

/** `{ lines: listOf({ price: decimal }) }` */
function declaration([step, ...deeper]: readonly PathStep[], type: string): string {
  if (step === undefined) return type;
  const inner = declaration(deeper, type);
  return typeof step === 'number' ? `listOf(${inner})` : `{ ${formatPath([step])}: ${inner} }`;
}

function kindOf(value: unknown): Hopeless | Declarable {
  if (typeof value === 'object' && value !== null) return kindOfObject(value);
  if (value === undefined) return { problem: 'undefined', advice: 'leave it out, or use null' };
  if (typeof value === 'bigint')
    return { problem: 'a bigint', type: 'bigint', instead: 'text, e.g. toString()' };
  return { problem: `a ${typeof value}`, advice: 'store only data' };
}

function kindOfObject(value: object): Hopeless | Declarable {
  if (types.isDate(value)) return { problem: 'a Date', type: 'instant', instead: 'text, e.g. toISOString()' };
  if (types.isMap(value))
    return { problem: 'a Map', type: 'mapOf(…)', instead: 'a plain object, e.g. Object.fromEntries(it)' };
  if (types.isSet(value)) return { problem: 'a Set', type: 'setOf(…)', instead: 'an array, e.g. [...it]' };
  if (value instanceof Big) return { problem: 'a Big', type: 'decimal', instead: 'text, e.g. toString()' };
  if (types.isPromise(value)) return { problem: 'a Promise', advice: 'await it first' };
  if (types.isBoxedPrimitive(value))
    return { problem: 'a boxed primitive', advice: 'use the primitive itself' };
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value))
    return { problem: 'bytes', advice: 'store them as base64 text' };
  if (Object.getPrototypeOf(value) === null)
    return { problem: 'an object without a prototype', advice: 'copy it: { ...it }' };
  return kindOfInstance(value);
}

function kindOfInstance(value: object): Declarable {
  if (isForeignBig(value)) {
    return {
      problem: 'a Big of another copy of big.js',
      type: 'decimal',
      instead: 'text, e.g. toString()',
      first: `make it with ${WHICH_BIG}, and `,
    };
  }
  const name = nameOfClass(value) || 'Class';
  return { problem: `an instance of ${name}`, type: `nested(${name})`, instead: 'plain data' };
}

/** What big.js makes is told by its sign, exponent and digits; a copy of big.js has a class of its own. */
function isForeignBig(value: object): boolean {
  const { s, e, c } = value as { s?: unknown; e?: unknown; c?: unknown };
  return nameOfClass(value) === 'Big' && typeof s === 'number' && typeof e === 'number' && Array.isArray(c);
}

function nameOfClass(value: object): string | undefined {
  return (value as { constructor?: { name?: string } }).constructor?.name;
}
