// Legacy decorators. Keep in step with the TC39 twin.
import 'reflect-metadata';
import { DomainEvent, definitionOf } from './domain-event.js';
import { EventHandler, Ignores, handlersOf, ignoredBy } from './event-handler.js';
import { Field, Fields, fieldsOf } from './field.js';
import { bigint, decimal, instant } from './field-types.js';

@DomainEvent('deposited', { version: 2, upcast: { 1: (it) => it } })
class Deposited {
  constructor(readonly amount: number) {}
}
@DomainEvent('withdrawn')
class Withdrawn {
  constructor(readonly amount: number) {}
}
@DomainEvent('noted')
class Noted {}

const Passing = (): MethodDecorator => (_target, _key, descriptor) => {
  const inner = descriptor.value as unknown as (...args: unknown[]) => unknown;
  descriptor.value = function (this: unknown, ...args: unknown[]) {
    return inner.apply(this, args);
  } as never;
};

@Ignores(Noted)
class Base {
  @Field(instant) at?: Date;
  @Field(decimal) price?: unknown;
  @EventHandler(Deposited) protected deposited(_event: Deposited): void {}
}
@Ignores(Withdrawn)
@Fields({ price: bigint, extra: instant })
class Derived extends Base {
  @Passing() @EventHandler(Withdrawn, { timeoutMs: 5 }) private withdrawn(_event: Withdrawn): void {}
  @EventHandler(Noted) @EventHandler(Deposited) both(_event: Noted | Deposited): void {}
  uses = () => [this.withdrawn];
}
class Plain extends Base {}

it('a definition stands on the class', () => {
  expect(definitionOf(Deposited)).toMatchObject({ name: 'deposited', version: 2, aliases: [] });
  expect(definitionOf(class extends Deposited {})).toBeUndefined();
  expect(Object.keys(Deposited)).toEqual([]);
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

it('a handler that takes another event of the same shape is refused', () => {
  expect(() => {
    class Confused {
      @EventHandler(Deposited) on(_event: Withdrawn): void {}
    }
    return Confused;
  }).toThrow('Confused.on handles Deposited but takes a Withdrawn');
});

it('a handler may take an ancestor of its event', () => {
  @DomainEvent('deposited.large')
  class LargeDeposited extends Deposited {}
  class Desk {
    @EventHandler(LargeDeposited) on(_event: Deposited): void {}
  }
  expect(handlersOf(Desk)).toMatchObject([{ event: LargeDeposited }]);
});

it('a decorated constructor parameter is told where to go', () => {
  expect(() => Field(instant)(Target, undefined as never)).toThrow(
    'use @Fields({ name: type }) on the class',
  );
});

class Target {
  static on(): void {}
  on(): void {}
  get now(): number {
    return 1;
  }
}
const descriptor = (owner: object) => Object.getOwnPropertyDescriptor(owner, 'on')!;

it.each<[string, () => unknown]>([
  ['a static method', () => EventHandler(Deposited)(Target, 'on', descriptor(Target) as object)],
  // As some compilers do: the descriptor says nothing, the prototype knows.
  ['a getter', () => EventHandler(Deposited)(Target.prototype, 'now', {})],
  [
    'an event class that is undefined',
    () => EventHandler(undefined as never)(Target.prototype, 'on', descriptor(Target.prototype)),
  ],
  ['an ignored class that is undefined', () => Ignores(undefined as never)(Target)],
  ['a field without a type', () => Field(undefined as never)(Target.prototype, 'at')],
  ['a static field', () => Field(instant)(Target, 'at')],
  ['a field with a symbol for a name', () => Field(instant)(Target.prototype, Symbol('at'))],
])('%s is refused', (_, define) => {
  expect(define).toThrow(expect.objectContaining({ code: 'BACKSTORY_INVALID_DEFINITION' }));
});

it('a method is found on its prototype, whatever descriptor a compiler gives', () => {
  class Plain {
    on(_event: Deposited): void {}
  }
  EventHandler(Deposited)(Plain.prototype, 'on', {});
  expect(handlersOf(Plain)).toMatchObject([{ event: Deposited, method: 'on' }]);
});
