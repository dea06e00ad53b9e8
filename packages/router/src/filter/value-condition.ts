import type { RecordedEvent } from '@backstory/core';
import type { Condition } from './condition.js';
import { everything, type Narrowing } from './narrowing.js';
import { comparison, type Comparison, type Operator } from './operand.js';
import { stepsOf, valuesAt, type Step } from './value-path.js';

/** What an event's data or metadata holds. */
export class ValueCondition implements Condition {
  readonly text: string;
  private readonly subject: string;
  private readonly steps: readonly Step[];
  private readonly comparison: Comparison;

  /** @throws InvalidFilter */
  constructor(
    private readonly part: 'data' | 'metadata',
    private readonly path: string,
    is: Operator,
    value: unknown,
  ) {
    this.steps = stepsOf(path, part);
    this.subject = path.startsWith('[') ? `${part}${path}` : `${part}.${path}`;
    this.comparison = comparison(this.subject, is, value);
    this.text = `${this.subject} ${this.comparison.text}`;
  }

  holds(event: RecordedEvent): boolean {
    return this.comparison.test(valuesAt(event[this.part], this.steps));
  }

  why(event: RecordedEvent): string {
    const is = `${this.subject} is ${shown(valuesAt(event[this.part], this.steps))}`;
    return this.holds(event) ? is : `${is}, not ${this.comparison.text}`;
  }

  narrowing(): Narrowing {
    return everything;
  }

  toJSON(): object {
    return { [this.part]: this.path, ...this.comparison.json };
  }
}

const LONGEST = 60;

function shown(values: readonly unknown[]): string {
  if (values.length === 0) return 'absent';
  const text = values.map((it) => JSON.stringify(it) ?? String(it)).join(' and ');
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
