import type { EventPriority, RecordedEvent } from '@backstory/core';
import type { Class } from '@backstory/events';
import { eventTypeOf } from '@backstory/events/codec';
import { AllOf, AnyOf, Asked } from './composed-conditions.js';
import { InvalidFilter } from './errors.js';
import { ExpressionCondition } from './expression-condition.js';
import { Filter } from './filter.js';
import { NameCondition } from './name-condition.js';
import type { Operand, Operator } from './operand.js';
import { PriorityCondition, type PriorityOperator } from './priority-condition.js';
import { TimeCondition, type TimeRange } from './time-condition.js';
import { ValueCondition } from './value-condition.js';

/**
 * Makes filters, which are composed with `and`, `or` and `not`.
 *
 * | filter | events |
 * |---|---|
 * | `where.type('order.*', OrderPaid)` | of these types; a class stands for its name and its aliases |
 * | `where.category('order')` · `where.stream('order-42')` | in these streams |
 * | `where.data('lines[*].sku', '=', 'poster')` · `where.metadata('tenant', '=', 'eu')` | that hold this value |
 * | `where.occurred({ from, upTo })` · `where.recorded({ from, upTo })` | of this time, both ends included |
 * | `where.correlation(id)` · `where.causedBy(id)` · `where.id(id)` | of this flow, that follow from this event, this event |
 * | `where.priority('>=', 'high')` | of this urgency; `normal` where none is said |
 * | `where.expression('data.amount > 100 && category == "account"')` | for which an expression holds |
 * | `where.that('is large', (event) => …)` | that a function says; such a filter cannot be written down |
 * | `where.everything` · `where.nothing` | all, none |
 */
export const where = {
  everything: new Filter(new AllOf([])),
  nothing: new Filter(new AnyOf([])),
  type: (...types: readonly (string | Class)[]) => named('types', types.flatMap(namesOf)),
  category: (...categories: readonly string[]) => named('categories', categories),
  stream: (...streams: readonly string[]) => named('streams', streams),
  id: (...ids: readonly string[]) => named('ids', ids),
  correlation: (...ids: readonly string[]) => named('correlationIds', ids),
  causedBy: (...ids: readonly string[]) => named('causationIds', ids),
  data: value('data'),
  metadata: value('metadata'),
  occurred: (range: TimeRange) => new Filter(new TimeCondition('occurred', range)),
  recorded: (range: TimeRange) => new Filter(new TimeCondition('recorded', range)),
  priority: (is: PriorityOperator, value: EventPriority) => new Filter(new PriorityCondition(is, value)),
  expression: (text: string) => new Filter(new ExpressionCondition(text)),
  that: <Data = unknown>(description: string, predicate: (event: RecordedEvent<Data>) => boolean) => {
    if (typeof description !== 'string' || description === '')
      throw new InvalidFilter('that', "needs words for what it asks: where.that('is large', (event) => …).");
    if (typeof predicate !== 'function') throw new InvalidFilter('that', 'needs a function of the event.');
    return new Filter(new Asked(description, predicate as (event: RecordedEvent) => boolean));
  },
} as const;

function named(
  kind: 'types' | 'categories' | 'streams' | 'ids' | 'correlationIds' | 'causationIds',
  names: readonly string[],
): Filter {
  return new Filter(new NameCondition(kind, names));
}

function namesOf(type: string | Class): readonly string[] {
  if (typeof type !== 'function') return [type];
  const { name, aliases } = eventTypeOf(type);
  return [name, ...aliases];
}

/** A test of a value: `(path, comparison, operand)`. */
export interface ValueFilter {
  (path: string, is: Exclude<Operator, 'in' | 'exists'>, operand: Operand): Filter;
  (path: string, is: 'in', operands: readonly Operand[]): Filter;
  /** With `false`: there is no such value. */
  (path: string, is: 'exists', there?: boolean): Filter;
}

function value(part: 'data' | 'metadata'): ValueFilter {
  return (path: string, is: Operator, operand?: unknown) =>
    new Filter(new ValueCondition(part, path, is, operand));
}
