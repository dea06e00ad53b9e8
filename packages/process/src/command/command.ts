import { DomainEvent, type AnyClass, type Class, type DomainEventOptions } from '@backstory/events';
import { definitionOf } from '@backstory/events/codec';

/**
 * `@Command('order.place')`: the stable name of a command, for metadata, traces and whatever keeps it for later. A stored command is
 * stored as an event is: with versions, aliases, upcasters and declared fields. Commands that are never stored need no name.
 */
export function Command(
  name: string,
  options?: DomainEventOptions,
): <C extends Class>(cls: C, context?: ClassDecoratorContext) => C {
  return DomainEvent(name, options);
}

/** What a command is called: its stable name, or that of its class. */
export function commandName(cls: AnyClass): string {
  return definitionOf(cls)?.name ?? cls.name;
}
