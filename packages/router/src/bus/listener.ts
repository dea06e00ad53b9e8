import type { EventPriority, RecordedEvent } from '@backstory/core';
import {
  InvalidOption,
  LONGEST_TIMER,
  knownOptions,
  numberOption,
  type OptionNames,
} from '@backstory/core/store';
import { InvalidDefinition, type AnyClass, type Class } from '@backstory/events';
import { eventTypeOf, handlersOf, type HandlerRow } from '@backstory/events/codec';
import { Filter } from '../filter/filter.js';
import { nameTest } from '../filter/pattern.js';
import { PRIORITIES, requirePriority } from '../filter/priority-condition.js';
import { Topic } from '../rule/topic.js';
import { predicateOf, type Condition } from '../subscription/reaction.js';

/** What a handler of the bus is given beside the event. */
export interface Delivery {
  /** Aborted when the handler's time is over. */
  readonly signal: AbortSignal;
  /** The topic by which the event came, where the handler listens to one. */
  readonly topic: string | undefined;
}

/** Reacts to an event in this process. What it gives is part of the outcome. */
export type BusHandler<E extends object> = (
  event: E,
  recorded: RecordedEvent<E>,
  delivery: Delivery,
) => unknown;

/** How a handler listens. */
export interface ListenOptions {
  /** In outcomes and observations. Default: the name of the function. */
  readonly name?: string;
  /** How long it may take. Default: as the bus says. */
  readonly timeoutMs?: number;
  /** Handlers of a higher priority are begun first. Default `normal`. */
  readonly priority?: EventPriority;
}

/** What may be listened to: an event class, a type with or without wildcards, a topic, or whatever a filter lets through. */
export type ListensTo = Class | string | Topic | Filter;

/** A handler and what it listens to. */
export interface Listener {
  readonly name: string;
  readonly rank: number;
  readonly timeoutMs: number | undefined;
  readonly takes: (type: string) => boolean;
  /** Only what goes there. */
  readonly topic: string | undefined;
  /** Only what this is true of. */
  readonly when: ((event: RecordedEvent<object>) => boolean) | undefined;
  readonly handler: BusHandler<object>;
}

/** @throws InvalidDefinition, InvalidOption */
export function listenerOf(to: ListensTo, handler: BusHandler<object>, options: ListenOptions): Listener {
  if (typeof handler !== 'function')
    throw new InvalidDefinition('subscribe', 'needs a function that is given the event: (event) => ….');
  const { name = handler.name || 'handler', timeoutMs, priority } = knownOptions(options, LISTEN);
  if (typeof name !== 'string' || name === '')
    throw new InvalidOption('name', 'must be text that is not empty.');
  return {
    name,
    ...howRun(timeoutMs, priority),
    takes: typesOf(to),
    topic: to instanceof Topic ? to.name : undefined,
    when: to instanceof Filter ? (event) => to.matches(event) : undefined,
    handler,
  };
}

/** A listener for each method with `@EventHandler`. @throws InvalidDefinition where there is none */
export function listenersOf(subscriber: object, to: Topic | undefined): readonly Listener[] {
  if (typeof subscriber !== 'object' || subscriber === null)
    throw new InvalidDefinition('attach', 'needs an object with methods that have @EventHandler.');
  const cls = subscriber.constructor as AnyClass;
  const rows = handlersOf(cls);
  if (rows.length === 0)
    throw new InvalidDefinition(
      cls.name,
      'has no method with @EventHandler: there is nothing to attach to the bus.',
    );
  return rows.map((row) => listenerOfRow(subscriber, cls, row, to));
}

function listenerOfRow(subscriber: object, cls: AnyClass, row: HandlerRow, to: Topic | undefined): Listener {
  const { event, method, options } = row;
  const { timeoutMs, priority, when } = options ?? {};
  const name = `${cls.name}.${String(method)}`;
  return {
    name,
    ...howRun(timeoutMs, priority),
    takes: typesOf(event),
    topic: to?.name,
    when: when === undefined ? undefined : predicateOf(when as Condition, name),
    handler: (...given) => (subscriber as Record<string | symbol, BusHandler<object>>)[method]!(...given),
  };
}

function howRun(timeoutMs: number | undefined, priority: EventPriority = 'normal') {
  if (timeoutMs !== undefined) numberOption('timeoutMs', timeoutMs, 1, LONGEST_TIMER);
  requirePriority(priority);
  return { timeoutMs, rank: PRIORITIES.indexOf(priority) };
}

const LISTEN: OptionNames<ListenOptions> = { name: true, timeoutMs: true, priority: true };

function typesOf(to: ListensTo): (type: string) => boolean {
  if (to instanceof Topic || to instanceof Filter) return () => true;
  if (typeof to === 'string' && to !== '') return nameTest([to]);
  if (typeof to !== 'function')
    throw new InvalidDefinition(
      'subscribe',
      "needs what to listen to: an event class, a type such as 'order.*', topic('…') or a filter.",
    );
  const { name, aliases } = eventTypeOf(to);
  return nameTest([name, ...aliases]);
}
