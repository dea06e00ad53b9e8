import type { EventPriority, RecordedEvent } from '@backstory/core';
import { shown } from '@backstory/core/state';
import { InvalidOption } from '@backstory/core/store';
import type { Condition } from './condition.js';
import { InvalidFilter } from './errors.js';
import { everything, type Narrowing } from './narrowing.js';

/** From the least urgent on. */
export const PRIORITIES: readonly EventPriority[] = ['low', 'normal', 'high', 'critical'];

/** @throws InvalidOption */
export function requirePriority(value: unknown): void {
  if (value === undefined || (PRIORITIES as readonly unknown[]).includes(value)) return;
  throw new InvalidOption('priority', `must be one of ${PRIORITIES.join(', ')}, not ${shown(value)}.`);
}

/** How urgent an event is. Who says nothing says `normal`. */
export class PriorityCondition implements Condition {
  readonly text: string;
  private readonly rank: number;
  private readonly test: (rank: number) => boolean;

  /** @throws InvalidFilter */
  constructor(
    private readonly is: PriorityOperator,
    private readonly value: EventPriority,
  ) {
    const test = TESTS[is] as ((rank: number, wanted: number) => boolean) | undefined;
    if (!test)
      throw new InvalidFilter(
        'priority',
        `${is} is no comparison: there are ${Object.keys(TESTS).join(', ')}.`,
      );
    this.rank = PRIORITIES.indexOf(value);
    if (this.rank === -1)
      throw new InvalidFilter('priority', `${String(value)} is none: there are ${PRIORITIES.join(', ')}.`);
    this.test = (rank) => test(rank, this.rank);
    this.text = `priority ${is} ${value}`;
  }

  holds(event: RecordedEvent): boolean {
    return this.test(PRIORITIES.indexOf(priorityOf(event)));
  }

  why(event: RecordedEvent): string {
    const is = `priority is ${priorityOf(event)}`;
    return this.holds(event) ? is : `${is}, not ${this.is} ${this.value}`;
  }

  narrowing(): Narrowing {
    return everything;
  }

  toJSON(): object {
    return { priority: this.value, is: this.is };
  }
}

/** How priorities are compared. */
export type PriorityOperator = '=' | '<' | '<=' | '>' | '>=';

/** Whatever was recorded there: what is no priority is none said. */
export function priorityOf({ metadata: { priority } }: RecordedEvent): EventPriority {
  return priority !== undefined && PRIORITIES.includes(priority) ? priority : 'normal';
}

const TESTS: Readonly<Record<PriorityOperator, (rank: number, wanted: number) => boolean>> = {
  '=': (rank, wanted) => rank === wanted,
  '<': (rank, wanted) => rank < wanted,
  '<=': (rank, wanted) => rank <= wanted,
  '>': (rank, wanted) => rank > wanted,
  '>=': (rank, wanted) => rank >= wanted,
};
