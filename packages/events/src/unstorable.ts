import { types } from 'node:util';
import { Big } from 'big.js';

/** Only this class is the one that `decimal` stores. */
export const WHICH_BIG = 'the class Big that backstory and @backstory/events export';

/** What a value is and what to do about it, for a value that JSON cannot hold. */
export function adviceFor(value: unknown): [problem: string, advice: string] {
  if (typeof value === 'object' && value !== null) return adviceForObject(value);
  if (value === undefined) return ['undefined', 'leave it out, or use null'];
  if (typeof value === 'bigint') return ['a bigint', 'declare it with @Field(bigint)'];
  return [`a ${typeof value}`, 'store only data'];
}

function adviceForObject(value: object): [problem: string, advice: string] {
  if (types.isDate(value)) return ['a Date', 'declare it with @Field(instant)'];
  if (types.isMap(value)) return ['a Map', 'declare it with @Field(mapOf(…))'];
  if (types.isSet(value)) return ['a Set', 'declare it with @Field(setOf(…))'];
  if (value instanceof Big) return ['a Big', 'declare it with @Field(decimal)'];
  if (types.isPromise(value)) return ['a Promise', 'await it first'];
  if (types.isBoxedPrimitive(value)) return ['a boxed primitive', 'use the primitive itself'];
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value))
    return ['bytes', 'store them as base64 text'];
  if (Object.getPrototypeOf(value) === null) return ['an object without a prototype', 'copy it: { ...it }'];
  if (isForeignBig(value))
    return [
      'a Big of another copy of big.js',
      `declare it with @Field(decimal) and make it with ${WHICH_BIG}`,
    ];
  const name = nameOfClass(value) || 'Class';
  return [`an instance of ${name}`, `declare it with @Field(nested(${name})), or store plain data`];
}

/** What big.js makes is told by its sign, exponent and digits; a copy of big.js has a class of its own. */
function isForeignBig(value: object): boolean {
  const { s, e, c } = value as { s?: unknown; e?: unknown; c?: unknown };
  return nameOfClass(value) === 'Big' && typeof s === 'number' && typeof e === 'number' && Array.isArray(c);
}

function nameOfClass(value: object): string | undefined {
  return (value as { constructor?: { name?: string } }).constructor?.name;
}
