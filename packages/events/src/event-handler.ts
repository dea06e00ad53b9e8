import type { EventPriority, RecordedEvent } from '@backstory/core';
import { ClassTable, lineage, metadataOf, type AnyClass, type Class } from './class-table.js';
import { definitionOf } from './domain-event.js';
import { InvalidDefinition } from './errors.js';

/** Marks classes whose handlers fold: they take the event alone, return nothing and have no reaction options. */
export const foldsOnly: unique symbol = Symbol.for('backstory.foldsOnly') as never;
/** What an aggregate is to the types of {@link EventHandler}. */
export interface FoldsEvents {
  readonly [foldsOnly]: true;
}

/** How a handler that reacts to events is run. */
export interface ReactionOptions<E extends object> {
  readonly retry?: { readonly attempts?: number; readonly delayMs?: number; readonly maxDelayMs?: number };
  readonly timeoutMs?: number;
  readonly priority?: EventPriority;
  /** Only events for which this is true, or that it matches: `where.data('amount', '>', 100)`. It must not have effects. */
  readonly when?: ((recorded: RecordedEvent<E>) => boolean) | EventCondition;
}

/** What can say of a recorded event whether it is meant. A `Filter` of `@backstory/router` can. */
export interface EventCondition {
  matches(recorded: RecordedEvent): boolean;
}

/** A method that handles an event, as a decorator declared it. */
export interface HandlerRow {
  readonly event: Class;
  readonly method: string | symbol;
  readonly options: ReactionOptions<never> | undefined;
}

/**
 * `@EventHandler(Deposited)`: calls this method for events of the class Deposited. In an aggregate it folds the event into
 * the state; in a subscriber it reacts; in a projection it projects. The method may be private. Options are for reactions.
 */
export function EventHandler<E extends object>(event: Class<E>): HandlerDecorator<E>;
export function EventHandler<E extends object>(
  event: Class<E>,
  options: ReactionOptions<E>,
): ReactionDecorator<E>;
export function EventHandler<E extends object>(
  event: Class<E>,
  options?: ReactionOptions<E>,
): HandlerDecorator<E> {
  return (target: object, at: string | symbol | ClassMethodDecoratorContext) => {
    const row = (method: string | symbol): HandlerRow => ({
      event,
      method,
      options: options,
    });
    if (typeof at === 'object') {
      if (at.kind !== 'method' || at.static || at.private) throw misplaced(at.name);
      requireClass(event, String(at.name));
      handlers.add(metadataOf(at), row(at.name));
      return;
    }
    // The prototype is asked, not the descriptor given: some compilers give an empty one.
    const method: unknown = Object.getOwnPropertyDescriptor(target, at)?.value;
    if (typeof target === 'function' || typeof method !== 'function') throw misplaced(at);
    const subject = `${target.constructor.name}.${String(at)}`;
    requireClass(event, subject);
    requireSameParameter(event, target, at, subject);
    handlers.add(target.constructor, row(at));
  };
}

/** `@Ignores(AuditNoted)`: says that these events rightly change nothing here, so that they need no handler. */
export function Ignores(
  ...events: readonly Class[]
): (cls: AnyClass, context?: ClassDecoratorContext) => void {
  return (cls) => {
    for (const event of events) {
      requireClass(event, cls.name);
      ignored.add(cls, event);
    }
  };
}

/** The handlers of a class and its ancestors, oldest first. */
export function handlersOf(cls: AnyClass): readonly (HandlerRow & { readonly declaredIn: AnyClass })[] {
  return lineage(cls).flatMap((declaredIn) =>
    handlers.own(declaredIn).map((row) => ({ ...row, declaredIn })),
  );
}

/** The events that a class and its ancestors ignore. */
export function ignoredBy(cls: AnyClass): readonly Class[] {
  return ignored.all(cls);
}

/** Works as a legacy and as a TC39 method decorator, on a fold or on a reaction. */
export interface HandlerDecorator<E extends object> {
  <T extends object>(
    prototype: T,
    key: string | symbol,
    descriptor: { readonly value?: HandlerOf<T, E> },
  ): void;
  <T extends object>(method: HandlerOf<T, E>, context: ClassMethodDecoratorContext<T>): void;
}

/** The same where folds have no business: on a method with reaction options. */
export interface ReactionDecorator<E extends object> {
  <T extends object>(
    prototype: T,
    key: string | symbol,
    descriptor: { readonly value?: ReactionOf<T, E> },
  ): void;
  <T extends object>(method: ReactionOf<T, E>, context: ClassMethodDecoratorContext<T>): void;
}

type Reaction<E extends object> = (event: E, recorded: RecordedEvent<E>, ...more: never[]) => unknown;
// `void` alone would let a method that returns a promise pass.
type Fold<E extends object> = (event: E) => void | undefined;
type HandlerOf<T, E extends object> = T extends FoldsEvents ? Fold<E> : Reaction<E>;
type ReactionOf<T, E extends object> = T extends FoldsEvents ? never : Reaction<E>;

const handlers = new ClassTable<HandlerRow>('handlers');
const ignored = new ClassTable<Class>('ignored');

function misplaced(name: string | symbol): InvalidDefinition {
  return new InvalidDefinition(
    String(name),
    'has @EventHandler, which belongs on an ordinary method (not static, not #private, no getter).',
  );
}

function requireClass(event: unknown, subject: string): void {
  if (typeof event === 'function') return;
  throw new InvalidDefinition(
    subject,
    'names an event class that is undefined: two files that import each other leave it so.',
  );
}

/**
 * Event classes with the same properties are one type to TypeScript. Where the compiler left the parameter's class
 * (emitDecoratorMetadata), a handler for one event that takes another is refused all the same.
 */
function requireSameParameter(event: AnyClass, target: object, key: string | symbol, subject: string): void {
  const { getMetadata } = Reflect as {
    getMetadata?: (name: string, target: object, key: string | symbol) => unknown;
  };
  const parameter = (getMetadata?.('design:paramtypes', target, key) as unknown[] | undefined)?.[0];
  if (typeof parameter !== 'function' || !definitionOf(parameter as AnyClass)) return;
  if (parameter === event || event.prototype instanceof parameter) return;
  throw new InvalidDefinition(
    subject,
    `handles ${event.name} but takes a ${parameter.name}: make them the same event.`,
  );
}
