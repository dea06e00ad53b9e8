import { categoryOf, idOf, type RecordedEvent } from '@backstory/core';
import { encodeInstance, isPlain } from '@backstory/events/codec';
import { Expression } from '../expression/expression.js';
import type { Condition } from './condition.js';
import { InvalidFilter } from './errors.js';
import { everything, type Narrowing } from './narrowing.js';

/** What an expression says of an event: `data.amount > 100 && category == "account"`. */
export class ExpressionCondition implements Condition {
  readonly text: string;
  private readonly expression: Expression;

  /** @throws InvalidExpression, InvalidFilter */
  constructor(text: string) {
    if (typeof text !== 'string') throw new InvalidFilter('expression', 'takes text: "data.amount > 100".');
    this.expression = Expression.of(text, NAMES);
    this.text = text;
  }

  holds(event: RecordedEvent): boolean {
    return this.expression.holds((name) => valueOf(event, name as (typeof NAMES)[number]));
  }

  why(event: RecordedEvent): string {
    return `${this.text}: ${this.holds(event) ? 'yes' : 'no'}`;
  }

  narrowing(): Narrowing {
    return everything;
  }

  toJSON(): object {
    return { expression: this.text };
  }
}

const NAMES = [
  'id',
  'stream',
  'category',
  'streamId',
  'version',
  'position',
  'type',
  'schemaVersion',
  'data',
  'metadata',
  'recordedAt',
] as const;

function valueOf(event: RecordedEvent, name: (typeof NAMES)[number]): unknown {
  if (name === 'category') return categoryOf(event.stream);
  if (name === 'streamId') return idOf(event.stream);
  if (name === 'recordedAt') return event.recordedAt.toISOString();
  return name === 'data' ? stored(event.data) : event[name];
}

/** An instance is asked in the form in which it is stored, so that both have one answer. */
function stored(data: unknown): unknown {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || isPlain(data)) return data;
  return encodeInstance(data);
}
