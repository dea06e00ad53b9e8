import { LIMITS, isName } from '@backstory/core/store';
import { InvalidDefinition, type AnyClass, type Class } from '@backstory/events';

/**
 * `@Subscriber('fraud')`: a class whose `@EventHandler` methods react to events. What is known about it is kept under this name:
 * renaming the class changes nothing, and a subclass needs a name of its own.
 */
export function Subscriber(name: string): (cls: Class, context?: ClassDecoratorContext) => void {
  return (cls) => {
    checkSubscriberName(cls.name, name);
    if (subscriberName(cls) !== undefined)
      throw new InvalidDefinition(cls.name, 'has two @Subscriber decorators: it has one name.');
    Object.defineProperty(cls, NAME, { value: name });
  };
}

/** The name in the class's own `@Subscriber`, if it has one. */
export function subscriberName(cls: AnyClass): string | undefined {
  return Object.hasOwn(cls, NAME) ? (cls as unknown as { [NAME]: string })[NAME] : undefined;
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

const NAME = Symbol.for('backstory.subscriber');
