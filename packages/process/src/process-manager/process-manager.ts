import type { RecordedEvent } from '@backstory/core';
import { InvalidDefinition, type AnyClass, type Class } from '@backstory/events';
import type { SubscriptionOptions } from '@backstory/router';
import type { ProcessState } from './process-state.js';

/** Of which process an event is, and what is known of it; and how its subscription goes through the log. */
export interface ProcessOptions extends Omit<SubscriptionOptions, 'key'> {
  /** The class of what it knows: an aggregate that extends {@link ProcessState}. */
  readonly state: Class<ProcessState>;
  /** The property of its events that says of which process they are, or a function of the event. */
  readonly id: string | ((recorded: RecordedEvent<never>) => string);
}

/**
 * `@ProcessManager('fulfilment', { state: Fulfilment, id: 'orderId' })`: a class whose `@EventHandler` methods decide what follows from
 * an event. They are given `(event, recorded, process)`; by `process` they send commands, keep some for later, and undo.
 */
export function ProcessManager(
  name: string,
  options: ProcessOptions,
): (cls: Class, context?: ClassDecoratorContext) => void {
  return (cls) => {
    const { state, id, ...subscription }: Partial<ProcessOptions> = options ?? {};
    if (typeof name !== 'string' || name === '' || name.includes('/'))
      throw new InvalidDefinition(
        cls.name,
        "needs a name without a slash, for the ids of its time-outs: @ProcessManager('fulfilment', { … }).",
      );
    if (typeof state !== 'function')
      throw new InvalidDefinition(
        cls.name,
        'needs a state: a class that extends ProcessState, with @Aggregate.',
      );
    if (typeof id !== 'function' && (typeof id !== 'string' || id === ''))
      throw new InvalidDefinition(
        cls.name,
        "needs an id: the property of its events that says of which process they are, e.g. { id: 'orderId' }.",
      );
    if (declaredProcess(cls))
      throw new InvalidDefinition(cls.name, 'has two @ProcessManager decorators: it has one name.');
    // Its options are checked where all subscriptions' are, when it is begun.
    Object.defineProperty(cls, DECLARED, { value: { name, state, id, subscription } });
  };
}

/** What `@ProcessManager` says of a class. */
export interface DeclaredProcess extends Pick<ProcessOptions, 'state' | 'id'> {
  readonly name: string;
  readonly subscription: Omit<SubscriptionOptions, 'key'>;
}

/** What the class's own `@ProcessManager` says, if it has one. */
export function declaredProcess(cls: AnyClass): DeclaredProcess | undefined {
  if (!Object.hasOwn(cls, DECLARED)) return undefined;
  return (cls as unknown as { [DECLARED]: DeclaredProcess })[DECLARED];
}

const DECLARED = Symbol.for('backstory.process');
