import { isDeepStrictEqual } from 'node:util';

/** A member of an object or a list, and the length of a list or text. Nothing that is inherited. */
export function ownValue(of: unknown, key: unknown): unknown {
  if (typeof of === 'string') return key === 'length' ? of.length : undefined;
  if (typeof of !== 'object' || of === null) return undefined;
  if (typeof key !== 'string' && typeof key !== 'number') return undefined;
  return Object.hasOwn(of, key) ? (of as Readonly<Record<string | number, unknown>>)[key] : undefined;
}

/** Equal as JSON. A decimal is stored as text, and equals the number that it is. */
export function isEqual(one: unknown, other: unknown): boolean {
  if (typeof one === typeof other)
    return one === other || (typeof one === 'object' && isDeepStrictEqual(one, other));
  return isNumberAndText(one, other) && numberOf(one) === numberOf(other);
}

/** Numbers as numbers, texts as texts (times in ISO 8601 as well); of other values none is less. */
export function isLess(one: unknown, other: unknown): boolean {
  if (typeof one === 'number' && typeof other === 'number') return one < other;
  if (typeof one === 'string' && typeof other === 'string')
    return isNumber(one) && isNumber(other) ? Number(one) < Number(other) : one < other;
  return isNumberAndText(one, other) && numberOf(one)! < numberOf(other)!;
}

/** A number, or the text of one, as decimals and bigints are stored; `undefined` for anything else. */
export function numberOf(value: unknown): number | undefined {
  return isNumber(value) ? Number(value) : undefined;
}

export function isNumber(value: unknown): value is number | string {
  return typeof value === 'number' || (typeof value === 'string' && NUMBER.test(value));
}

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;

function isNumberAndText(one: unknown, other: unknown): boolean {
  const isMixed =
    typeof one === 'number'
      ? typeof other === 'string'
      : typeof one === 'string' && typeof other === 'number';
  return isMixed && isNumber(one) && isNumber(other);
}
