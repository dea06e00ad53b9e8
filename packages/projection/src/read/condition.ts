import { byBytes } from '@backstory/core/store';
import { shown, shownPath } from '@backstory/core/state';
import { InvalidFind } from '../errors.js';
import { AFTER, END, LAST, blurred, indexValue, valueAt } from './index-key.js';

/** A value that documents are compared with. */
export type Comparable = string | number | boolean | null;

/** What a value at a path must be: this one, or within bounds. */
export type Wanted =
  | Comparable
  | {
      readonly '='?: Comparable;
      readonly '>'?: Comparable;
      readonly '>='?: Comparable;
      readonly '<'?: Comparable;
      readonly '<='?: Comparable;
    };

/** Conditions by path, all of which must hold: `{ owner: 'ann', balance: { '>=': 100 } }`. */
export type Where = Readonly<Record<string, Wanted>>;

/** One comparison of a value at a path. */
export interface Condition {
  readonly path: string;
  readonly operator: Operator;
  readonly value: Comparable;
}

const OPERATORS = ['=', '>', '>=', '<', '<='] as const;
type Operator = (typeof OPERATORS)[number];

/** @throws InvalidFind */
export function conditionsOf(projection: string, where: Where): readonly Condition[] {
  if (typeof where !== 'object' || where === null || Array.isArray(where))
    throw new InvalidFind(projection, 'where', `must be conditions by path, not ${shown(where)}.`);
  return Object.entries(where).flatMap(([path, wanted]) => {
    const refuse = (problem: string): never => {
      throw new InvalidFind(projection, `where.${shownPath(path)}`, problem);
    };
    if (path === '') throw new InvalidFind(projection, 'where', 'has an empty path: name what is compared.');
    const bounds = typeof wanted === 'object' && wanted !== null ? Object.entries(wanted) : [['=', wanted]];
    // A Date, say: without bounds it would let everything pass.
    if (bounds.length === 0)
      refuse(
        `has no bounds: give a text, a number, true, false or null, or some of ${OPERATORS.join(' ')}. An instant is compared as it is stored, by its text.`,
      );
    return bounds.map(([operator, value]): Condition => {
      if (!OPERATORS.includes(operator as Operator))
        refuse(`${shown(operator)} is none of ${OPERATORS.join(' ')}.`);
      if (!isComparable(value)) refuse('is compared with a text, a number, true, false or null.');
      if (value === null && operator !== '=')
        refuse(
          `${operator} null compares with nothing: null is in no order, and \`{ '=': null }\` finds what has no value.`,
        );
      return { path, operator: operator as Operator, value: value as Comparable };
    });
  });
}

function isComparable(value: unknown): boolean {
  // No value is equal to NaN, nor less or greater.
  if (Number.isNaN(value)) return false;
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

/** Whether a document as it is stored meets a condition. Values of different kinds are in no order. */
export function meets(json: unknown, { path, operator, value }: Condition): boolean {
  const own = valueAt(json, path) ?? null;
  if (operator === '=') return own === value;
  if (typeof own !== typeof value || own === null || value === null) return false;
  const order = typeof own === 'string' ? byBytes(own, value as string) : Number(own) - Number(value);
  if (operator === '<') return order < 0;
  if (operator === '>') return order > 0;
  return operator === '<=' ? order <= 0 : order >= 0;
}

/** A part of an index. */
export interface Range {
  readonly prefix: string;
  readonly after: string;
  readonly upTo: string | undefined;
}

/** The part of an index in which documents that meet conditions on its path are; it may hold others as well. */
export function rangeOf(conditions: readonly Condition[]): Range {
  let range: Range = { prefix: '', after: '', upTo: undefined };
  for (const { operator, value } of conditions) {
    const at = indexValue(value);
    const kind = operator === '=' ? at : at.slice(0, 1);
    range = { ...range, prefix: kind.length > range.prefix.length ? kind : range.prefix };
    const some = blurred(value);
    if (operator === '=') range = narrowed(range, at, at + AFTER);
    if (operator === '>') range = narrowed(range, some ?? at + AFTER, undefined);
    if (operator === '>=') range = narrowed(range, some ?? at, undefined);
    if (operator === '<') range = narrowed(range, '', some === undefined ? at + END : some + LAST);
    if (operator === '<=') range = narrowed(range, '', some === undefined ? at + AFTER : some + LAST);
  }
  return range;
}

function narrowed(range: Range, after: string, upTo: string | undefined): Range {
  const isLess = range.upTo === undefined || (upTo !== undefined && byBytes(upTo, range.upTo) < 0);
  const least = isLess ? upTo : range.upTo;
  return { ...range, after: byBytes(after, range.after) > 0 ? after : range.after, upTo: least };
}
