/** A function that is observed in place of another one: with its `this`, its arguments and its outcome. */
export type Wrap = <Args extends unknown[], Result>(
  name: string,
  run: (...args: Args) => Result,
) => (...args: Args) => Result;

/** For methods, in TypeScript's legacy decorators and the standard ones alike. */
export type MethodDecoration = {
  (target: object, key: string | symbol, descriptor: PropertyDescriptor): void;
  <This, Args extends unknown[], Result>(
    method: (this: This, ...args: Args) => Result,
    context: ClassMethodDecoratorContext<This, (this: This, ...args: Args) => Result>,
  ): (this: This, ...args: Args) => Result;
};

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Makes a decorator of a wrapper. Without a name of its own a method is called `Class.method`. */
export function decorating(wrap: Wrap, given: string | undefined): MethodDecoration {
  const observed = (method: Method, key: string): Method =>
    function (this: unknown, ...args: unknown[]): unknown {
      const owner = (this as { constructor?: { name?: string } } | undefined)?.constructor?.name;
      const name = given ?? (owner === undefined ? key : `${owner}.${key}`);
      return wrap(name, () => method.apply(this, args))();
    };
  const decorate = (target: unknown, at: unknown, descriptor?: PropertyDescriptor): unknown => {
    if (descriptor === undefined)
      return observed(target as Method, String((at as ClassMethodDecoratorContext).name));
    descriptor.value = observed(descriptor.value as Method, String(at));
    return undefined;
  };
  return decorate as MethodDecoration;
}

/** Tells how a call ended: when it did, or when the promise that it gave settles. */
export function whenEnded<Result>(
  run: () => Result,
  ended: (error: unknown, hasFailed: boolean) => void,
): Result {
  let result: Result;
  try {
    result = run();
  } catch (error) {
    ended(error, true);
    throw error;
  }
  if (!(result instanceof Promise)) {
    ended(undefined, false);
    return result;
  }
  return result.then(
    (value: unknown) => {
      ended(undefined, false);
      return value;
    },
    (error: unknown) => {
      ended(error, true);
      throw error;
    },
  ) as Result;
}
