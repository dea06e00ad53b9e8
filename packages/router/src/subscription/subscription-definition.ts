import type { StoredEvent, RecordedEvent, EventPriority } from '@backstory/core';
import { shown } from '@backstory/core/state';
import { EventTypes, InvalidDefinition, type AnyClass } from '@backstory/events';
import { handlersOf } from '@backstory/events/codec';
import { PRIORITIES } from '../filter/priority-condition.js';
import { batchReactionsOf } from './batch-reaction.js';
import { Entry } from './entry.js';
import { ownKey } from './own-key.js';
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
export function subscriber(
  given: SubscriptionOptions & {
    readonly name: string;
    readonly on: readonly (Reaction | readonly Reaction[])[];
  },
): FunctionalSubscriber {
  if (typeof given !== 'object' || given === null)
    throw new InvalidDefinition(shown(given), 'is no subscriber: give subscriber({ name, on }).');
  const { name, on, ...options } = given;
  return Object.freeze({ name, on: reactionsIn(name, on), options });
}

/** What a subscription does, with everything decided and checked. */
export class SubscriptionDefinition {
  readonly name: string;
  readonly options: ResolvedOptions;
  readonly types: EventTypes;
  /** Every name under which its events may be recorded. */
  readonly typeNames: readonly string[];
  /** By the names of their events, and where they stand. */
  private readonly places = new Map<string, number>();
  private readonly handlers: (readonly Handler[])[] = [];

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
      const place = this.handlers.push(handlers) - 1;
      for (const called of [type.name, ...type.aliases]) this.places.set(called, place);
    }
    this.typeNames = [...this.places.keys()];
  }

  /** What it reads of the log. */
  get query(): { readonly types: readonly string[]; readonly includeSystem?: true } {
    return { types: this.typeNames, ...(this.options.includeSystem && { includeSystem: true }) };
  }

  /** What is run for an event, in this order. */
  handlersOf({ handlers }: Pick<Entry, 'handlers'>): readonly Handler[] {
    return this.handlers[handlers] ?? [];
  }

  private handlersFor(type: string): readonly Handler[] {
    return this.handlersOf({ handlers: this.placeOf(type) });
  }

  private placeOf(type: string): number {
    return this.places.get(type) ?? -1;
  }

  /** Names of events of which each has an outcome: some handler is given it whatever is in it, and all outcomes are kept. */
  get accounted(): readonly string[] | undefined {
    if (this.options.outcomes !== 'all') return undefined;
    return this.typeNames.filter((name) => this.handlersFor(name).some(({ matches }) => !matches));
  }

  /** `isFinished`: the checkpoint may pass it already. */
  entryOf(stored: StoredEvent, isFinished = false): Entry {
    const handlers = this.placeOf(stored.type);
    return new Entry(stored, handlers, priorityOf(stored, this.handlersOf({ handlers })), isFinished);
  }

  /** How a handler is tried again; one that is not there any more, as any other. */
  retryOf(type: string, handler: string): Handler['retry'] {
    return this.handlersFor(type).find(({ name }) => name === handler)?.retry ?? this.options.retry;
  }

  decode(stored: StoredEvent): RecordedEvent<object> {
    return this.types.decode(stored);
  }

  /** An event as handlers are given it. @throws what keeps it from being read, or from having a key */
  read(stored: StoredEvent): RecordedEvent<object> {
    return this.keyed(this.decode(stored));
  }

  /** With other data: in the form in which it was recorded, or in the newest that is known here where it is newer than that. */
  decodeEdited(stored: StoredEvent, data: string): RecordedEvent<object> {
    const known = this.types.find(stored.type)?.version ?? stored.schemaVersion;
    return this.keyed(this.decode({ ...stored, data, schemaVersion: Math.min(stored.schemaVersion, known) }));
  }

  private keyed(recorded: RecordedEvent<object>): RecordedEvent<object> {
    const { name, options } = this;
    if (options.key) ownKey(name, options.key, recorded);
    return recorded;
  }
}

/** How urgent an event is: its handlers' word before its own. */
function priorityOf(stored: StoredEvent, handlers: readonly Handler[]): EventPriority {
  for (const { priority } of handlers) if (priority) return priority;
  // Most events say nothing of it, and their metadata need not be read for that.
  if (!stored.metadata.includes('priority')) return 'normal';
  const { priority } = JSON.parse(stored.metadata) as { readonly priority?: EventPriority };
  return priority !== undefined && PRIORITIES.includes(priority) ? priority : 'normal';
}

function describe(given: object | null): FunctionalSubscriber {
  if (typeof given !== 'object' || typeof given?.constructor !== 'function')
    throw new InvalidDefinition(
      shown(given),
      'is no subscriber: give an instance of a class with @Subscriber, or what subscriber({ name, on }) made.',
    );
  if ('on' in given && 'name' in given) {
    const made = given as FunctionalSubscriber;
    return { ...made, on: reactionsIn(made.name, made.on) };
  }
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

/** @throws InvalidDefinition */
function reactionsIn(name: unknown, on: readonly (Reaction | readonly Reaction[])[]): readonly Reaction[] {
  const all: readonly (Partial<Reaction> | null)[] = Array.isArray(on) ? on.flat() : [null];
  if (all.every((it) => typeof it?.run === 'function' && typeof it.event === 'function'))
    return all as readonly Reaction[];
  const subject = typeof name === 'string' ? name : shown(name);
  throw new InvalidDefinition(subject, 'needs a list of reactions: on: [reaction(Event, (event) => …)].');
}

/** What has been handled is remembered by the handler's name. */
function refuseSameName(subscription: string, handlers: readonly Handler[]): void {
  const names = handlers.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new InvalidDefinition(subscription, `has two handlers called ${twice} for one event: name them.`);
}
