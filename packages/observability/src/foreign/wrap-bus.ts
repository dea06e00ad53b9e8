import { guarded, type Observer } from '@backstory/core/observe';
import { observedForeign, wrapHandler, type ForeignEventOptions } from './wrap-handler.js';

/** A bus that is not ours: whatever has these two methods. */
export interface ForeignBus {
  publish(event: never, ...rest: never[]): unknown;
  /** The handler is the last function that it is given. */
  subscribe(...given: never[]): unknown;
}

/** What a foreign bus is called, and how its events are to be read. */
export interface ForeignBusOptions extends ForeignEventOptions<unknown> {
  /** What the bus is called. Default `foreign`. */
  readonly name?: string;
}

/**
 * The bus itself, seen by an observer: `publish` gives a promise of what it gave, and each handler that subscribes from now on is
 * observed under its own name.
 */
export function wrapBus<Bus extends ForeignBus>(
  observer: Observer,
  bus: Bus,
  { name = 'foreign', ...how }: ForeignBusOptions,
): Bus {
  const safe = guarded(observer);
  const publish = (...given: unknown[]) =>
    safe.publish(
      () => ({ event: observedForeign(given[0], how) }),
      async (end) => {
        const result: unknown = await call(bus, 'publish', given);
        end(() => ({ targets: 0, failed: 0 }));
        return result;
      },
    );
  const wrapped = new WeakMap<Handler, Handler>();
  const wrap = (handler: Handler): Handler => {
    let own = wrapped.get(handler);
    if (!own) {
      own = wrapHandler(safe, handler, { name: handler.name || 'anonymous', bus: name, ...how });
      wrapped.set(handler, own);
    }
    return own;
  };
  const subscribe = (...given: unknown[]): unknown => {
    const at = given.findLastIndex((it) => typeof it === 'function');
    if (at >= 0) given[at] = wrap(given[at] as Handler);
    return call(bus, 'subscribe', given);
  };
  const known = (it: unknown) => (typeof it === 'function' ? (wrapped.get(it as Handler) ?? it) : it);
  const own: Readonly<Record<string, unknown>> = { publish, subscribe };
  return new Proxy(bus, {
    get: (target, key) =>
      typeof key === 'string' && Object.hasOwn(own, key) ? own[key] : bound(target, key, known),
  });
}

function call(bus: ForeignBus, method: 'publish' | 'subscribe', given: unknown[]): unknown {
  return (bus[method] as (...given: unknown[]) => unknown).apply(bus, given);
}

type Handler = (event: unknown) => unknown;

/**
 * Methods go on to see the bus itself, whose private fields a proxy does not have; and the handlers that it knows: `unsubscribe(handler)`
 * ends what `subscribe(handler)` began.
 */
function bound(target: object, key: string | symbol, known: (given: unknown) => unknown): unknown {
  const value: unknown = Reflect.get(target, key);
  if (typeof value !== 'function') return value;
  return (...given: unknown[]): unknown => Reflect.apply(value, target, given.map(known));
}
