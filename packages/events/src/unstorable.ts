import { types } from 'node:util';
import { Big } from 'big.js';

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
  const name = value.constructor.name || 'Class';
  return [`an instance of ${name}`, `declare it with @Field(nested(${name})), or store plain data`];
}
