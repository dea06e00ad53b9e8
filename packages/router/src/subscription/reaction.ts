import type { EventPriority, RecordedEvent } from '@backstory/core';
import { numberOption, LONGEST_TIMER, knownOptions, type OptionNames } from '@backstory/core/store';
import { InvalidDefinition, type Class } from '@backstory/events';
import type { HandlerRow } from '@backstory/events/codec';
import { answered } from '../filter/answer.js';
import { requirePriority } from '../filter/priority-condition.js';
import type { Batch } from './batch.js';
import type { Delivery } from './delivery.js';
import { resolveRetry, type ResolvedOptions, type RetryOptions } from './subscription-options.js';

/** How one handler is run. What is left out is as the subscription says. */
export interface ReactionSettings<E extends object = object> {
  readonly retry?: RetryOptions;
  /** Default 30,000. */
  readonly timeoutMs?: number;
  readonly priority?: EventPriority;
  /** Only events for which this holds. It must not have effects. */
  readonly when?: Condition<E>;
}

/** What chooses events: a function, or a filter. */
export type Condition<E extends object = object> =
  ((recorded: RecordedEvent<E>) => boolean) | { matches(recorded: RecordedEvent<E>): boolean };

/** An event class and the function that reacts to it. */
export interface Reaction {
  readonly event: Class;
  readonly name: string;
  readonly run: (event: object, recorded: RecordedEvent<object>, delivery: Delivery) => unknown;
  readonly settings: ReactionSettings<never>;
  /** It takes several events at once. */
  readonly batch?: Batch;
}

/** `reaction(Withdrawn, (event, recorded, { signal }) => …)`: what a subscriber made of functions does on an event. @throws InvalidDefinition, InvalidOption */
export function reaction<E extends object>(
  event: Class<E>,
  run: (event: E, recorded: RecordedEvent<E>, delivery: Delivery) => unknown,
  options: ReactionSettings<E> & { readonly name?: string } = {},
): Reaction {
  requireEventClass('reaction(…)', event);
  if (typeof run !== 'function')
    throw new InvalidDefinition('reaction(…)', `needs a function: reaction(${event.name}, (event) => …).`);
  const { name, ...settings } = knownOptions(options, { ...SETTINGS, name: true });
  const called = name ?? (run.name || event.name);
  return { event, name: called, run: run as unknown as Reaction['run'], settings };
}

/** @throws InvalidDefinition */
export function requireEventClass(subject: string, event: unknown): void {
  if (typeof event === 'function') return;
  throw new InvalidDefinition(
    subject,
    'names an event class that is undefined: two files that import each other leave it so.',
  );
}

/** The reaction that a decorated method of an instance is. */
export function reactionOf(subscriber: object, { event, method, options = {} }: HandlerRow): Reaction {
  const own = subscriber as Record<string | symbol, (...given: unknown[]) => unknown>;
  const run: Reaction['run'] = (e, recorded, delivery) => own[method]!(e, recorded, delivery);
  return { event, name: String(method), run, settings: options };
}

/** A reaction with everything decided. */
export interface Handler {
  readonly name: string;
  readonly run: Reaction['run'];
  readonly matches: ((recorded: RecordedEvent<object>) => boolean) | undefined;
  readonly timeoutMs: number;
  readonly retry: Required<RetryOptions>;
  readonly priority: EventPriority | undefined;
  readonly batch: Batch | undefined;
  /** How many events it is given at once, where that is more than one. */
  readonly events?: number;
}

/** @throws InvalidOption, InvalidDefinition */
export function handlerOf({ name, run, settings, batch }: Reaction, usual: ResolvedOptions): Handler {
  const { retry, timeoutMs = usual.timeoutMs, priority, when } = knownOptions(settings, SETTINGS);
  requirePriority(priority);
  return {
    name,
    run,
    matches: when === undefined ? undefined : predicateOf(when as Condition, name),
    timeoutMs: numberOption('timeoutMs', timeoutMs, 1, LONGEST_TIMER),
    retry: resolveRetry(retry ?? {}, usual.retry),
    priority: priority ?? usual.priority,
    batch,
  };
}

const SETTINGS: OptionNames<ReactionSettings> = { retry: true, timeoutMs: true, priority: true, when: true };

/** @throws InvalidDefinition */
export function predicateOf(when: Condition, name: string): (recorded: RecordedEvent<object>) => boolean {
  if (typeof when === 'function') return (it) => answered(when(it), name);
  if (typeof (when as Partial<typeof when> | null)?.matches === 'function')
    return (it) => answered(when.matches(it), name);
  throw new InvalidDefinition(name, 'has a `when` that is neither a function nor a filter.');
}
