import type { RecordedEvent } from '@backstory/core';
import {
  LIMITS,
  LONGEST_TIMER,
  isName,
  knownOptions,
  numberOption,
  type OptionNames,
} from '@backstory/core/store';
import type { Class } from '@backstory/events';
import { eventTypeOf } from '@backstory/events/codec';
import { Filter } from '../filter/filter.js';
import { nameTest } from '../filter/pattern.js';
import { where } from '../filter/where.js';
import { InvalidRule } from './errors.js';
import { Topic, topic } from './topic.js';

/** Which events go to which topic. */
export interface Rule {
  /** Unique in an application. */
  readonly name: string;
  /** Where events come from: a type, which may have wildcards (`order.*`), an event class, or a topic that other rules route to. */
  readonly source: string | Class | Topic;
  /** Which of them. Default: all. A function must have no effects. */
  readonly condition?: Filter | ((event: RecordedEvent) => boolean);
  /** The topic they go to. */
  readonly target: string | Topic;
  /** Rules with a higher number decide first, and their targets are served first. Default 1. */
  readonly priority?: number;
  /** How long handlers may take for what comes through this rule. Default 30,000. */
  readonly timeoutMs?: number;
  /** What it is for, in words. */
  readonly description?: string;
}

/** A rule that was checked, with its defaults. */
export interface ActiveRule {
  readonly name: string;
  /** As it was given, in words: `order.*`, `topic payments`. */
  readonly source: string;
  readonly condition: Filter;
  readonly target: string;
  readonly priority: number;
  readonly timeoutMs: number;
  readonly description: string;
  /** The topic that it takes events from; `undefined` where it takes them by their type. */
  readonly from: string | undefined;
  /** Whether it takes events of this type, where it takes them by their type. */
  readonly takes: (type: string) => boolean;
}

/** @throws InvalidRule, InvalidOption */
export function activeRule(rule: Rule): ActiveRule {
  const {
    name,
    source,
    condition,
    target,
    priority = 1,
    timeoutMs = 30_000,
    description = '',
  } = knownOptions(rule, RULE);
  if (!isName(name, LIMITS.type))
    throw new InvalidRule(String(name), 'has no name that can be shown: give a short text.');
  const takes = typesIn(name, source);
  return {
    name,
    source: takes.join(' or ') || String(source),
    condition: filterIn(name, condition),
    target: (target instanceof Topic ? target : topic(target)).name,
    priority: numberOption('priority', priority, -Number.MAX_VALUE, Number.MAX_VALUE),
    timeoutMs: numberOption('timeoutMs', timeoutMs, 1, LONGEST_TIMER),
    description,
    from: source instanceof Topic ? source.name : undefined,
    takes: nameTest(takes),
  };
}

const RULE: OptionNames<Rule> = {
  name: true,
  source: true,
  condition: true,
  target: true,
  priority: true,
  timeoutMs: true,
  description: true,
};

function typesIn(rule: string, source: unknown): readonly string[] {
  if (source instanceof Topic) return [];
  if (typeof source === 'string' && source !== '') return [source];
  if (typeof source !== 'function')
    throw new InvalidRule(rule, "has no source: give a type, e.g. 'order.*', an event class or topic('…').");
  const { name, aliases } = eventTypeOf(source as Class);
  return [name, ...aliases];
}

function filterIn(rule: string, condition: unknown): Filter {
  if (condition === undefined) return where.everything;
  if (condition instanceof Filter) return condition;
  if (typeof condition !== 'function')
    throw new InvalidRule(
      rule,
      "has a condition that is no filter and no function: e.g. where.data('amount', '>', 100).",
    );
  return where.that(condition.name || 'a function', condition as (event: RecordedEvent) => boolean);
}
