import { types } from 'node:util';
import { Big } from '@backstory/events';
import { InvalidFilter } from './errors.js';
import { nameTest } from './pattern.js';

/**
 * How a value is compared.
 *
 * | | holds when |
 * |---|---|
 * | `=` `<` `<=` `>` `>=` | the value is of the operand's kind and compares so |
 * | `!=` | `=` does not hold, also where there is no such value |
 * | `in` | `=` holds for one of the operands |
 * | `like` | the value is text that the operand describes: `*` stands for any characters |
 * | `exists` | there is a value, also `null`; with `false`: there is none |
 */
export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'like' | 'exists';

/** What a value is compared with. A `Date` means an instant; numbers, `Big` and `bigint` compare exactly. */
export type Operand = string | number | boolean | null | Date | Big | bigint;

/** A test for a stored value, how a person reads it, and how it is written down. */
export interface Comparison {
  readonly text: string;
  /** Given all values at the path. */
  readonly test: (values: readonly unknown[]) => boolean;
  readonly json: { readonly is: Operator; readonly value: unknown };
}

/** @throws InvalidFilter */
export function comparison(condition: string, is: Operator, value: unknown): Comparison {
  if (is === 'exists') return existence(condition, value);
  if (is === 'in') return membership(condition, value);
  if (is === 'like') return likeness(condition, value);
  const order = ORDERS.get(is);
  if (!order)
    throw new InvalidFilter(condition, `${String(is)} is no comparison: there are ${OPERATORS.join(', ')}.`);
  const operand = readOperand(condition, value);
  if (is !== '=' && is !== '!=' && !operand.isOrdered)
    throw new InvalidFilter(condition, `${operand.text} can only be compared with = and !=.`);
  const holds = (values: readonly unknown[]) =>
    values.some((it) => {
      const sign = operand.compare(it);
      return sign !== undefined && order(sign);
    });
  const test = is === '!=' ? (values: readonly unknown[]) => !holds(values) : holds;
  return { text: `${is} ${operand.text}`, test, json: { is, value: operand.json } };
}

// Of `!=` this is what must not hold.
const ORDERS: ReadonlyMap<Operator, (sign: number) => boolean> = new Map([
  ['=', (sign) => sign === 0],
  ['!=', (sign) => sign === 0],
  ['<', (sign) => sign < 0],
  ['<=', (sign) => sign <= 0],
  ['>', (sign) => sign > 0],
  ['>=', (sign) => sign >= 0],
] satisfies [Operator, (sign: number) => boolean][]);
const OPERATORS = [...ORDERS.keys(), 'in', 'like', 'exists'];

interface ReadOperand {
  readonly text: string;
  readonly json: unknown;
  readonly isOrdered: boolean;
  /** Below, at or above 0 as the value is below, at or above the operand; `undefined` where they cannot be compared. */
  readonly compare: (value: unknown) => number | undefined;
}

function existence(condition: string, value: unknown): Comparison {
  const wanted = value ?? true;
  if (typeof wanted !== 'boolean') throw new InvalidFilter(condition, 'exists takes true or false.');
  const isThere = (values: readonly unknown[]) => values.some((it) => it !== undefined);
  return {
    text: wanted ? 'exists' : 'does not exist',
    test: (values) => isThere(values) === wanted,
    json: { is: 'exists', value: wanted },
  };
}

function membership(condition: string, value: unknown): Comparison {
  if (!Array.isArray(value)) throw new InvalidFilter(condition, 'in takes a list of values.');
  const operands = value.map((it) => readOperand(condition, it));
  return {
    text: `in (${operands.map(({ text }) => text).join(', ')})`,
    test: (values) => values.some((it) => operands.some(({ compare }) => compare(it) === 0)),
    json: { is: 'in', value: operands.map(({ json }) => json) },
  };
}

function likeness(condition: string, value: unknown): Comparison {
  if (typeof value !== 'string') throw new InvalidFilter(condition, "like takes text, e.g. 'JD*'.");
  const test = nameTest([value]);
  return {
    text: `like ${JSON.stringify(value)}`,
    test: (values) => values.some((it) => typeof it === 'string' && test(it)),
    json: { is: 'like', value },
  };
}

function readOperand(condition: string, given: unknown): ReadOperand {
  const { decimal, instant } = (given ?? {}) as { decimal?: unknown; instant?: unknown };
  if (typeof given === 'string') return textOperand(given);
  if (typeof given === 'boolean' || given === null) return exactOperand(given);
  if (types.isDate(given)) return instantOperand(condition, given);
  if (typeof instant === 'string') return instantOperand(condition, new Date(instant));
  if (typeof given === 'number' && Number.isFinite(given)) return numberOperand(given);
  if (given instanceof Big || typeof given === 'bigint') return decimalOperand(given.toString());
  if (typeof decimal === 'string' && DECIMAL.test(decimal)) return decimalOperand(decimal);
  throw new InvalidFilter(
    condition,
    `is compared with ${typeof given === 'number' ? given : `a value of type ${typeof given}`}: give text, a number, a boolean, null, a Date or a Big.`,
  );
}

function textOperand(operand: string): ReadOperand {
  return {
    text: JSON.stringify(operand),
    json: operand,
    isOrdered: true,
    compare: (value) =>
      typeof value !== 'string' ? undefined : value < operand ? -1 : value > operand ? 1 : 0,
  };
}

function exactOperand(operand: boolean | null): ReadOperand {
  const compare = (value: unknown) => (value === operand ? 0 : undefined);
  return { text: String(operand), json: operand, isOrdered: false, compare };
}

function instantOperand(condition: string, operand: Date): ReadOperand {
  const at = operand.getTime();
  if (Number.isNaN(at)) throw new InvalidFilter(condition, 'is compared with an invalid Date.');
  const text = operand.toISOString();
  return {
    text,
    json: { instant: text },
    isOrdered: true,
    compare: (value) => {
      const found = typeof value === 'string' && INSTANT.test(value) ? Date.parse(value) : NaN;
      return Number.isNaN(found) ? undefined : found - at;
    },
  };
}

function numberOperand(operand: number): ReadOperand {
  const exact = decimalOperand(new Big(operand).toString());
  return {
    ...exact,
    json: operand,
    compare: (value) => (typeof value === 'number' ? value - operand : exact.compare(value)),
  };
}

/** Decimals are stored as text; text that is no number does not compare. */
function decimalOperand(text: string): ReadOperand {
  const operand = new Big(text);
  return {
    text,
    json: { decimal: text },
    isOrdered: true,
    compare: (value) => {
      const isNumber = typeof value === 'number' ? Number.isFinite(value) : isDecimal(value);
      return isNumber ? new Big(value as string | number).cmp(operand) : undefined;
    },
  };
}

function isDecimal(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST && DECIMAL.test(value);
}

/** No decimal anybody stores is longer, and text of any length may stand in an event. */
const LONGEST = 1_000;
const DECIMAL = /^-?\d+(?:\.\d+)?(?:e[+-]?\d{1,6})?$/i;
// Without a time zone the text would mean another instant on another machine.
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})$/i;
