import { EventTypes, InvalidDefinition, type AnyClass, type Class } from '@backstory/events';
import { handlersOf } from '@backstory/events/codec';

/** What a projection does on its events, each under every name that it may be recorded under. */
export class HandledEvents<Step extends { readonly event: Class }> {
  readonly types: EventTypes;
  /** The events by their names of today. */
  readonly names: readonly string[];
  private readonly steps = new Map<string, readonly Step[]>();

  /** @throws InvalidDefinition, DuplicateEventType, NotAnEvent … */
  constructor(projection: string, steps: readonly Step[]) {
    if (steps.length === 0)
      throw new InvalidDefinition(projection, 'handles no events: give a method @EventHandler(Event).');
    this.types = new EventTypes(new Set(steps.map(({ event }) => event)), `projection ${projection}`);
    for (const type of this.types.all) {
      const own = steps.filter(({ event }) => event === type.cls);
      for (const called of [type.name, ...type.aliases]) this.steps.set(called, own);
    }
    this.names = this.types.all.map((type) => type.name).sort();
  }

  /** Every name under which they may be recorded. */
  get typeNames(): readonly string[] {
    return [...this.steps.keys()];
  }

  has(type: string): boolean {
    return this.steps.has(type);
  }

  of(type: string): readonly Step[] {
    return this.steps.get(type)!;
  }
}

/** A method of a projection's class, and the event that it handles. */
export interface HandlerMethod {
  readonly event: Class;
  readonly method: string | symbol;
}

/** @throws InvalidDefinition for options, which are those of a reaction */
export function handlerMethods(cls: AnyClass): readonly HandlerMethod[] {
  // A method overridden in a subclass is one handler, however often it is declared.
  const rows = new Map(handlersOf(cls).map((row) => [`${String(row.method)}\n${row.event.name}`, row]));
  return [...rows.values()].map(({ event, method, options }) => {
    if (options === undefined) return { event, method };
    const problem = 'has options of a reaction: a projection folds, at once and always.';
    throw new InvalidDefinition(`${cls.name}.${String(method)}`, problem);
  });
}
