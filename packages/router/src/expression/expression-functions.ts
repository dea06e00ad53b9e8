import { isEqual, isLess, numberOf, ownValue } from './expression-values.js';

/** Given the value that stands before the dot, and the arguments. */
export type Method = (of: unknown, ...given: unknown[]) => unknown;

type Each = (element: unknown, index: number) => unknown;

/** `max(a, b)`, `sum(lines.map(it => it.amount))`. */
export const FUNCTIONS: Readonly<Record<string, (...given: unknown[]) => unknown>> = {
  abs: (value) => found(numberOf(value), Math.abs),
  floor: (value) => found(numberOf(value), Math.floor),
  round: (value) => found(numberOf(value), Math.round),
  number: (value) => numberOf(value),
  sum: (list) => numbersIn(list).reduce((sum, it) => sum + it, 0),
  min: (...given) => extreme(given, (one, other) => isLess(one, other)),
  max: (...given) => extreme(given, (one, other) => isLess(other, one)),
  keys: (value) => (isObject(value) ? Object.keys(value) : []),
  values: (value) => (isObject(value) ? (Object.values(value) as unknown[]) : []),
};

/** Of texts and lists. Of any other value they give `undefined`. */
export const METHODS: Readonly<Record<string, Method>> = {
  includes: (of, what) =>
    Array.isArray(of) ? of.some((it) => isEqual(it, what)) : ofTexts(of, what, (a, b) => a.includes(b)),
  startsWith: (of, what) => ofTexts(of, what, (a, b) => a.startsWith(b)),
  endsWith: (of, what) => ofTexts(of, what, (a, b) => a.endsWith(b)),
  toLowerCase: (of) => (typeof of === 'string' ? of.toLowerCase() : undefined),
  toUpperCase: (of) => (typeof of === 'string' ? of.toUpperCase() : undefined),
  trim: (of) => (typeof of === 'string' ? of.trim() : undefined),
  some: (of, test) => ofList(of, test, (list, each) => list.some(each)),
  every: (of, test) => ofList(of, test, (list, each) => list.every(each)),
  find: (of, test) => ofList(of, test, (list, each) => list.find(each)),
  filter: (of, test) => ofList(of, test, (list, each) => list.filter(each)),
  map: (of, change) => ofList(of, change, (list, each) => list.map(each)),
};

function found(value: number | undefined, of: (value: number) => number): number | undefined {
  return value === undefined ? undefined : of(value);
}

function numbersIn(list: unknown): number[] {
  return (Array.isArray(list) ? list : []).flatMap((it) => numberOf(it) ?? []);
}

function extreme(given: readonly unknown[], isBetter: (one: unknown, other: unknown) => boolean): unknown {
  const values: readonly unknown[] = given.length === 1 && Array.isArray(given[0]) ? given[0] : given;
  return values.reduce<unknown>(
    (best, it) => (best === undefined || isBetter(it, best) ? it : best),
    undefined,
  );
}

function ofTexts(
  one: unknown,
  other: unknown,
  of: (one: string, other: string) => boolean,
): boolean | undefined {
  return typeof one === 'string' && typeof other === 'string' ? of(one, other) : undefined;
}

/** Also of the values of an object. The name of a property stands for the function that gives it. */
function ofList(
  of: unknown,
  each: unknown,
  work: (list: readonly unknown[], each: Each) => unknown,
): unknown {
  const list = Array.isArray(of) ? (of as readonly unknown[]) : isObject(of) ? Object.values(of) : undefined;
  if (!list) return undefined;
  if (typeof each === 'function') return work(list, each as Each);
  return work(list, (element) => ownValue(element, each));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
