import { Context, newId } from '@backstory/core';
import { guarded, type ObservedEvent, type Observer } from '@backstory/core/observe';

/** What a foreign handler is called, and how its events are to be read. */
export interface ForeignHandlerOptions<Event> extends ForeignEventOptions<Event> {
  /** The handler's name. */
  readonly name: string;
  /** Of the bus it belongs to. Default `foreign`. */
  readonly bus?: string;
}

/** How foreign events are to be read. */
export interface ForeignEventOptions<Event> {
  /** The type of an event. Default: its `type` where that is text, else the name of its class. */
  readonly typeOf?: (event: Event) => string;
  /** The application that events come from. */
  readonly source?: string;
}

/** A handler of something else than Backstory, observed like one of ours. */
export function wrapHandler<Event, Rest extends unknown[], Result>(
  observer: Observer,
  handler: (event: Event, ...rest: Rest) => Result | Promise<Result>,
  { name, bus = 'foreign', ...how }: ForeignHandlerOptions<Event>,
): (event: Event, ...rest: Rest) => Promise<Result> {
  const safe = guarded(observer);
  return (event, ...rest) => {
    const start = () => ({
      ...{ subscription: bus, handler: name, attempt: 1, previous: undefined },
      event: observedForeign(event, how),
    });
    return safe.handle(start, async (end) => {
      const result = await handler(event, ...rest);
      end(() => ({ outcome: 'handled' }));
      return result;
    });
  };
}

/** A foreign event as observers see it: a transient of the flow that is active. */
export function observedForeign<Event>(
  event: Event,
  { typeOf = usualType, source = 'foreign' }: ForeignEventOptions<Event>,
): ObservedEvent {
  const { id } = (event ?? {}) as { readonly id?: unknown };
  const { correlationId, causationId, tenant } = Context.current().fields;
  const own = typeof id === 'string' ? id : newId();
  const now = new Date();
  return {
    ...{ id: own, type: typeOf(event), stream: '', position: 0, source },
    ...{ correlationId: correlationId ?? own, causationId, tenant },
    ...{ occurredAt: now.toISOString(), recordedAt: now, trace: undefined },
  };
}

function usualType(event: unknown): string {
  const { type, constructor } = (event ?? {}) as { type?: unknown; constructor?: { name?: unknown } };
  if (typeof type === 'string') return type;
  return typeof constructor?.name === 'string' ? constructor.name : typeof event;
}
