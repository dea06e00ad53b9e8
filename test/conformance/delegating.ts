/** An object that passes every call on to another one, apart from the methods given. */
export function delegating<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(Object.hasOwn(own, name) ? own : target, name);
      // Bound, because what is private to the target is private to its class.
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
