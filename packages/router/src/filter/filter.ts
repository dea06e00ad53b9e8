import { readRecorded, type LogQuery, type RecordedEvent, type StoredEvent } from '@backstory/core';
import { shown } from '@backstory/core/state';
import { AllOf, AnyOf, Not } from './composed-conditions.js';
import type { Condition, KnownNames } from './condition.js';
import { InvalidFilter } from './errors.js';
import { queryOf } from './narrowing.js';
import { readCondition } from './read-condition.js';

/**
 * Which events are meant. Made with {@link where}, composed, asked of events and of the log, and written down as JSON.
 *
 * ```ts
 * const large = where.type('account.*').and(where.data('amount', '>', 1_000));
 * ```
 */
export class Filter {
  /** Filters are made by {@link where} and by {@link Filter.parse}. */
  constructor(private readonly condition: Condition) {}

  /** Reads what `JSON.stringify(filter)` wrote. @throws InvalidFilter saying what is wrong; InvalidExpression */
  static parse(json: string): Filter {
    return new Filter(readCondition(json));
  }

  /** Data and metadata may be JSON as it was recorded, or instances: the answer is the same. */
  matches(event: RecordedEvent): boolean {
    return this.condition.holds(event);
  }

  /** What holds for this filter and for all of the others. @throws InvalidFilter */
  and(...others: readonly Filter[]): Filter {
    return new Filter(new AllOf([this, ...filters('and', others)].map((it) => it.condition)));
  }

  /** What holds for this filter or for one of the others. @throws InvalidFilter */
  or(...others: readonly Filter[]): Filter {
    return new Filter(new AnyOf([this, ...filters('or', others)].map((it) => it.condition)));
  }

  /** What does not hold for this filter. */
  not(): Filter {
    return new Filter(new Not(this.condition));
  }

  /**
   * What an index of the log can be asked, for `readAll` and `follow`. It finds every event that matches, and may find
   * more: {@link select} takes those that do. Wildcards are asked for only where the types there may be are `known`.
   */
  toQuery(known: KnownNames = {}): LogQuery {
    return queryOf(this.condition.narrowing(known), known.unindexed ?? []);
  }

  /** The events of a page that match, as they were recorded: no classes, no upcasting. */
  select(events: readonly StoredEvent[]): readonly RecordedEvent[] {
    return events.map((event) => readRecorded(event)).filter((event) => this.matches(event));
  }

  /** Whether an event matches, and what of it decided. */
  explain(event: RecordedEvent): FilterExplanation {
    return { filter: this.toString(), matches: this.matches(event), because: this.condition.why(event) };
  }

  /** As a person reads it: `type is account.* and data.amount > 1000`. */
  toString(): string {
    return this.condition.text;
  }

  /** The stored form. @throws FilterNotSerialisable when it asks a function */
  toJSON(): object {
    return this.condition.toJSON();
  }
}

/** Why a filter lets an event through, or not. */
export interface FilterExplanation {
  readonly filter: string;
  readonly matches: boolean;
  /** `data.amount is 50, not > 100` */
  readonly because: string;
}

/** @throws InvalidFilter */
function filters(how: 'and' | 'or', given: readonly Filter[]): readonly Filter[] {
  const other = given.findIndex((it) => !(it instanceof Filter));
  if (other >= 0) throw new InvalidFilter(how, `takes filters, not ${shown(given[other])}.`);
  return given;
}
