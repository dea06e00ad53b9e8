// TC39 decorators. Keep in step with the legacy twin.
import { DomainEvent, definitionOf } from './domain-event.js';
import { EventHandler, Ignores, handlersOf, ignoredBy } from './event-handler.js';
import { EventTypes } from './event-types.js';
import { Field, Fields, fieldsOf } from './field.js';
import { bigint, decimal, instant } from './field-types.js';

@DomainEvent('deposited', { version: 2, upcast: { 1: (it) => it } })
class Deposited {
  constructor(readonly amount: number) {}
}
@DomainEvent('withdrawn')
class Withdrawn {
  @Field(instant) at = new Date(0);
}
@DomainEvent('noted')
class Noted {}

const passing =
  <This, Args extends unknown[], R>(
    method: (this: This, ...args: Args) => R,
    _context: ClassMethodDecoratorContext,
  ) =>
  (...args: Args): R =>
    method.apply(undefined as never, args);

@Ignores(Noted)
class Base {
  @Field(instant) at?: Date;
  @Field(decimal) price?: unknown;
  @EventHandler(Deposited) protected deposited(_event: Deposited): void {}
}
@Ignores(Withdrawn)
@Fields({ price: bigint, extra: instant })
class Derived extends Base {
  @passing @EventHandler(Withdrawn, { timeoutMs: 5 }) private withdrawn(_event: Withdrawn): void {}
  @EventHandler(Noted) @EventHandler(Deposited) both(_event: Noted | Deposited): void {}
  uses = () => [this.withdrawn];
}
class Plain extends Base {}

it('Symbol.metadata is there for compilers that need it', () => {
  expect(typeof (Symbol as { metadata?: unknown }).metadata).toBe('symbol');
});

it('a definition stands on the class', () => {
  expect(definitionOf(Deposited)).toMatchObject({ name: 'deposited', version: 2, aliases: [] });
  expect(definitionOf(class extends Deposited {})).toBeUndefined();
});

it('a subclass adds to what its parent declares and leaves the parent alone', () => {
  const methods = (cls: typeof Base) => handlersOf(cls).map(({ event, method }) => [event, method]);
  expect(methods(Base)).toEqual([[Deposited, 'deposited']]);
  expect(methods(Plain)).toEqual([[Deposited, 'deposited']]);
  expect(methods(Derived)).toEqual([
    [Deposited, 'deposited'],
    [Withdrawn, 'withdrawn'],
    [Deposited, 'both'],
    [Noted, 'both'],
  ]);
  expect(handlersOf(Derived)[1]).toMatchObject({ options: { timeoutMs: 5 }, declaredIn: Derived });
  expect(ignoredBy(Base)).toEqual([Noted]);
  expect(ignoredBy(Derived)).toEqual([Noted, Withdrawn]);
});

it('fields are inherited and may be declared anew', () => {
  expect(Object.fromEntries(fieldsOf(Base))).toEqual({ at: instant, price: decimal });
  expect(Object.fromEntries(fieldsOf(Derived))).toEqual({ at: instant, price: bigint, extra: instant });
});

it('a declared field is encoded', () => {
  expect(new EventTypes([Withdrawn]).encode(new Withdrawn()).data).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
});

it.each<[string, () => unknown]>([
  [
    'a static method',
    () =>
      class A {
        @EventHandler(Deposited) static on(): void {}
      },
  ],
  [
    'a #private method',
    () =>
      class A {
        @EventHandler(Deposited) #on(): void {}
        on = () => this.#on();
      },
  ],
  [
    'an event class that is undefined',
    () =>
      class A {
        @EventHandler(undefined as never) on(): void {}
      },
  ],
  [
    'a static field',
    () =>
      class A {
        @Field(instant) static at?: Date;
      },
  ],
  [
    'a #private field',
    () =>
      class A {
        @Field(instant) #at?: Date;
        at = () => this.#at;
      },
  ],
])('%s is refused', (_, define) => {
  expect(define).toThrow(expect.objectContaining({ code: 'BACKSTORY_INVALID_DEFINITION' }));
});
