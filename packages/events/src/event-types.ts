import { recordedWith, type RecordedEvent, type StoredEvent } from '@backstory/core';
import type { AnyClass, Class } from './class-table.js';
import { definitionOf } from './domain-event.js';
import { DuplicateEventType, NotAnEvent, UnknownEventType } from './errors.js';
import { handlersOf, ignoredBy } from './event-handler.js';
import { classOfEvent, eventTypeOf, type EncodedEvent, type EventType } from './event-type.js';

/**
 * The events that an application knows, by name. Built from event classes and from classes with handlers; there may be
 * several side by side.
 */
export class EventTypes {
  /** Without aliases, in the order they were given. */
  readonly all: readonly EventType[];
  private readonly byName = new Map<string, EventType>();
  private readonly byClass = new Map<AnyClass, EventType>();

  /**
   * `reader` is who reads with them, for messages.
   *
   * @throws NotAnEvent, DuplicateEventType, MissingUpcaster, InvalidDefinition
   */
  constructor(
    classes: Iterable<AnyClass>,
    private readonly reader = 'this application',
  ) {
    for (const cls of classes) for (const event of eventsOf(cls)) this.add(event);
    this.all = [...this.byClass.values()];
  }

  /** By name or alias. */
  find(name: string): EventType | undefined {
    return this.byName.get(name);
  }

  /** @throws UnknownEventType, InvalidData, UnstorableValue */
  encode(event: object): EncodedEvent {
    const cls = classOfEvent(event);
    const type = this.byClass.get(cls);
    if (!type) throw new UnknownEventType(eventTypeOf(cls).name, {}, this.reader);
    return type.encode(event);
  }

  /**
   * The instance that a stored event stands for, whatever its version and alias.
   *
   * @throws UnknownEventType, UpcastFailed, UnreadableEvent
   */
  decode(stored: StoredEvent): RecordedEvent<object> {
    const type = this.byName.get(stored.type);
    if (!type) throw new UnknownEventType(stored.type, stored, this.reader);
    return recordedWith(stored, type.decode(stored));
  }

  private add(cls: Class): void {
    if (this.byClass.has(cls)) return;
    const type = eventTypeOf(cls);
    this.byClass.set(cls, type);
    for (const name of [type.name, ...type.aliases]) {
      const other = this.byName.get(name);
      if (other) throw new DuplicateEventType(name, other.cls.name, cls.name);
      this.byName.set(name, type);
    }
  }
}

/** The class itself when it is an event, otherwise the events that it handles or ignores. */
function eventsOf(cls: AnyClass): readonly Class[] {
  if (definitionOf(cls)) return [cls as Class];
  const handled = [...handlersOf(cls).map(({ event }) => event), ...ignoredBy(cls)];
  if (handled.length === 0) throw new NotAnEvent(cls.name);
  return handled;
}
