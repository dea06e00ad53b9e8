import type { StoredEvent, RecordedEvent, EventPriority } from '@backstory/core';
import { EventTypes, InvalidDefinition, type AnyClass } from '@backstory/events';
import { handlersOf } from '@backstory/events/codec';
import { batchReactionsOf } from './batch-reaction.js';
import { handlerOf, reactionOf, type Handler, type Reaction } from './reaction.js';
import { checkSubscriberName, declaredSubscriber } from './subscriber.js';
import { resolveOptions, type ResolvedOptions, type SubscriptionOptions } from './subscription-options.js';

/** A subscriber made of functions: its name and what it does on which event. */
export interface FunctionalSubscriber {
  readonly name: string;
  readonly on: readonly Reaction[];
  readonly options: SubscriptionOptions;
}

/** `subscriber({ name: 'fraud', on: [reaction(Withdrawn, check)] })`: the same as a class with `@Subscriber`. */
export function subscriber({
  name,
  on,
  ...options
}: SubscriptionOptions & {
  readonly name: string;
  readonly on: readonly (Reaction | readonly Reaction[])[];
}): FunctionalSubscriber {
  return Object.freeze({ name, on: on.flat(), options });
}

/** What a subscription does, with everything decided and checked. */
export class SubscriptionDefinition {
  readonly name: string;
  readonly options: ResolvedOptions;
  readonly types: EventTypes;
  /** Every name under which its events may be recorded. */
  readonly typeNames: readonly string[];
  private readonly handlers = new Map<string, readonly Handler[]>();

  /**
   * @param given an instance of a class with `@Subscriber`, or what `subscriber` made
   * @throws InvalidDefinition, InvalidOption, DuplicateEventType, NotAnEvent …
   */
  constructor(given: object) {
    const { name, on, options } = describe(given);
    checkSubscriberName(name, name);
    if (on.length === 0)
      throw new InvalidDefinition(name, 'handles no events: give a method @EventHandler(Event).');
    this.name = name;
    this.options = resolveOptions(options);
    this.types = new EventTypes(new Set(on.map(({ event }) => event)), `subscription ${name}`);
    for (const type of this.types.all) {
      const handlers = on.filter(({ event }) => event === type.cls).map((it) => handlerOf(it, this.options));
      refuseSameName(name, handlers);
      if (handlers.length > 1 && handlers.some((it) => it.batch))
        throw new InvalidDefinition(
          name,
          `has a batch handler and another for ${type.name}: make them two subscribers.`,
        );
      for (const called of [type.name, ...type.aliases]) this.handlers.set(called, handlers);
    }
    this.typeNames = [...this.handlers.keys()];
  }

  /** What it reads of the log. */
  get query(): { readonly types: readonly string[]; readonly includeSystem?: true } {
    return { types: this.typeNames, ...(this.options.includeSystem && { includeSystem: true }) };
  }

  /** What is run for an event of this type, in this order. */
  handlersFor(type: string): readonly Handler[] {
    return this.handlers.get(type) ?? [];
  }

  /** Names of events of which each has an outcome: some handler is given it whatever is in it, and all outcomes are kept. */
  get accounted(): readonly string[] | undefined {
    if (this.options.outcomes !== 'all') return undefined;
    return this.typeNames.filter((name) => this.handlersFor(name).some(({ matches }) => !matches));
  }

  /** How urgent an event is: its handlers' word before its own. */
  priorityOf(stored: StoredEvent): EventPriority {
    for (const { priority } of this.handlersFor(stored.type)) if (priority) return priority;
    // Most events say nothing of it, and their metadata need not be read for that.
    if (!stored.metadata.includes('priority')) return 'normal';
    const { priority } = JSON.parse(stored.metadata) as { readonly priority?: EventPriority };
    return priority !== undefined && PRIORITIES.has(priority) ? priority : 'normal';
  }

  decode(stored: StoredEvent): RecordedEvent<object> {
    return this.types.decode(stored);
  }
}

const PRIORITIES: ReadonlySet<string> = new Set<EventPriority>(['low', 'normal', 'high', 'critical']);

function describe(given: object): FunctionalSubscriber {
  if ('on' in given && 'name' in given) return given as FunctionalSubscriber;
  const cls = given.constructor as AnyClass;
  const declared = declaredSubscriber(cls);
  if (!declared)
    throw new InvalidDefinition(cls.name, "is no subscriber: decorate the class with @Subscriber('…').");
  // A method overridden in a subclass is one handler, however often it is declared.
  const rows = new Map(handlersOf(cls).map((row) => [`${String(row.method)}\n${row.event.name}`, row]));
  return {
    ...declared,
    on: [...rows.values()].map((row) => reactionOf(given, row)).concat(batchReactionsOf(given, cls)),
  };
}

/** What has been handled is remembered by the handler's name. */
function refuseSameName(subscription: string, handlers: readonly Handler[]): void {
  const names = handlers.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new InvalidDefinition(subscription, `has two handlers called ${twice} for one event: name them.`);
}
