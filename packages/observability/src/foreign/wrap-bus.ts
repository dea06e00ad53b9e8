import type { Observer } from '@backstory/core/observe';
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
  const publish = (...given: unknown[]) =>
    observer.publish(
      () => ({ event: observedForeign(given[0], how) }),
      async (end) => {
        const result: unknown = await call(bus, 'publish', given);
        end(() => ({ targets: 0, failed: 0 }));
        return result;
      },
    );
  const subscribe = (...given: unknown[]): unknown => {
    const at = given.findLastIndex((it) => typeof it === 'function');
    const handler = given[at] as ((event: unknown) => unknown) | undefined;
    if (handler)
      given[at] = wrapHandler(observer, handler, { name: handler.name || 'anonymous', bus: name, ...how });
    return call(bus, 'subscribe', given);
  };
  const own: Readonly<Record<string, unknown>> = { publish, subscribe };
  return new Proxy(bus, {
    get: (target, key) =>
      typeof key === 'string' && Object.hasOwn(own, key) ? own[key] : bound(target, key),
  });
}

function call(bus: ForeignBus, method: 'publish' | 'subscribe', given: unknown[]): unknown {
  return (bus[method] as (...given: unknown[]) => unknown).apply(bus, given);
}

/** Methods go on to see the bus itself, whose private fields a proxy does not have. */
function bound(target: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key);
  return typeof value === 'function' ? (value as (...given: unknown[]) => unknown).bind(target) : value;
}
