import type { EventPriority } from '@backstory/core';
import { AllOf, AnyOf, Not } from './composed-conditions.js';
import type { Condition } from './condition.js';
import { InvalidFilter } from './errors.js';
import { ExpressionCondition } from './expression-condition.js';
import { NameCondition } from './name-condition.js';
import { NAMED, type Named } from './narrowing.js';
import type { Operator } from './operand.js';
import { PriorityCondition, type PriorityOperator } from './priority-condition.js';
import { TimeCondition } from './time-condition.js';
import { ValueCondition } from './value-condition.js';

/** Reads the stored form of a condition: `{"all":[{"types":["order.*"]},{"data":"amount","is":">","value":100}]}`. @throws InvalidFilter, InvalidExpression */
export function readCondition(json: string): Condition {
  let read: unknown;
  try {
    read = JSON.parse(json);
  } catch {
    throw new InvalidFilter('filter', 'is no JSON: give what JSON.stringify(filter) wrote.');
  }
  return conditionIn(read, 0);
}

type Given = Readonly<Record<string, unknown>>;

function conditionIn(read: unknown, depth: number): Condition {
  if (typeof read !== 'object' || read === null || Array.isArray(read))
    throw new InvalidFilter('filter', `has ${JSON.stringify(read) ?? 'nothing'} where a condition belongs.`);
  if (depth > DEEPEST) throw new InvalidFilter('filter', `is nested deeper than ${DEEPEST} levels.`);
  const given = read as Given;
  const kind = KINDS.find((it) => Object.hasOwn(given, it));
  if (kind === undefined)
    throw new InvalidFilter('filter', `has a condition of no kind: there are ${KINDS.join(', ')}.`);
  const allowed =
    kind === 'data' || kind === 'metadata'
      ? [kind, 'is', 'value']
      : kind === 'priority'
        ? [kind, 'is']
        : [kind];
  const other = Object.keys(given).find((key) => !allowed.includes(key));
  if (other !== undefined) throw new InvalidFilter(kind, `takes ${allowed.join(', ')}, and no ${other}.`);
  return READERS[kind](given, depth + 1);
}

const DEEPEST = 100;
const KINDS = [
  'all',
  'any',
  'not',
  ...NAMED,
  'data',
  'metadata',
  'occurred',
  'recorded',
  'priority',
  'expression',
] as const;

const named = (kind: Named) => (given: Given) => new NameCondition(kind, given[kind] as readonly string[]);

const value = (part: 'data' | 'metadata') => (given: Given) =>
  new ValueCondition(part, given[part] as string, given['is'] as Operator, given['value']);

const time = (kind: 'occurred' | 'recorded') => (given: Given) => {
  const range = given[kind];
  if (typeof range !== 'object' || range === null) throw new InvalidFilter(kind, 'takes from, upTo or both.');
  return new TimeCondition(
    kind,
    Object.fromEntries(Object.entries(range).map(([end, at]) => [end, dateOf(kind, at)])),
  );
};

const READERS: Readonly<Record<(typeof KINDS)[number], (given: Given, depth: number) => Condition>> = {
  all: (given, depth) => new AllOf(listIn(given['all'], 'all', depth)),
  any: (given, depth) => new AnyOf(listIn(given['any'], 'any', depth)),
  not: (given, depth) => new Not(conditionIn(given['not'], depth)),
  types: named('types'),
  categories: named('categories'),
  streams: named('streams'),
  ids: named('ids'),
  correlationIds: named('correlationIds'),
  causationIds: named('causationIds'),
  data: value('data'),
  metadata: value('metadata'),
  occurred: time('occurred'),
  recorded: time('recorded'),
  priority: (given) =>
    new PriorityCondition(given['is'] as PriorityOperator, given['priority'] as EventPriority),
  expression: (given) => new ExpressionCondition(given['expression'] as string),
};

function listIn(read: unknown, kind: string, depth: number): readonly Condition[] {
  if (!Array.isArray(read)) throw new InvalidFilter(kind, 'takes a list of conditions.');
  return read.map((it) => conditionIn(it, depth));
}

function dateOf(kind: string, at: unknown): Date {
  if (typeof at !== 'string') throw new InvalidFilter(kind, 'takes times as ISO 8601 text.');
  return new Date(at);
}
