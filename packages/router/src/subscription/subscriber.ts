import { LIMITS, isName } from '@backstory/core/store';
import { InvalidDefinition, type AnyClass, type Class } from '@backstory/events';
import { resolveOptions, type SubscriptionOptions } from './subscription-options.js';

/**
 * `@Subscriber('fraud')`: a class whose `@EventHandler` methods react to recorded events. What is known about it is kept
 * under this name: renaming the class changes nothing, and a subclass needs a name of its own.
 */
export function Subscriber(
  name: string,
  options: SubscriptionOptions = {},
): (cls: Class, context?: ClassDecoratorContext) => void {
  resolveOptions(options);
  return (cls) => {
    checkSubscriberName(cls.name, name);
    if (declaredSubscriber(cls))
      throw new InvalidDefinition(cls.name, 'has two @Subscriber decorators: it has one name.');
    Object.defineProperty(cls, DECLARED, { value: { name, options } satisfies DeclaredSubscriber });
  };
}

/** What `@Subscriber` says of a class. */
export interface DeclaredSubscriber {
  readonly name: string;
  readonly options: SubscriptionOptions;
}

/** What the class's own `@Subscriber` says, if it has one. */
export function declaredSubscriber(cls: AnyClass): DeclaredSubscriber | undefined {
  if (!Object.hasOwn(cls, DECLARED)) return undefined;
  return (cls as unknown as { [DECLARED]: DeclaredSubscriber })[DECLARED];
}

/** @throws InvalidDefinition for what can name no subscriber */
export function checkSubscriberName(subject: string, name: unknown): asserts name is string {
  // Leases and collections are called after it, and a slash ends it there.
  if (isName(name, LIMITS.type) && !name.includes('/')) return;
  throw new InvalidDefinition(
    subject,
    `needs a name of 1 to ${LIMITS.type} bytes without "/" or control characters, e.g. @Subscriber('fraud').`,
  );
}

const DECLARED = Symbol.for('backstory.subscriber');
