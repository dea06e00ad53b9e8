import { newId, type StoredEvent } from '@backstory/core';
import { DomainEvent } from './domain-event.js';
import { DuplicateEventType, MissingUpcaster, NotAnEvent, UnknownEventType, UpcastFailed } from './errors.js';
import { EventHandler, Ignores } from './event-handler.js';
import { EventTypes } from './event-types.js';
import { Field, Fields } from './field.js';
import { instant, nested } from './field-types.js';

let constructed = 0;

@DomainEvent('account.deposited', {
  version: 3,
  aliases: ['account.paid-in', 'einzahlung'],
  upcast: {
    1: (old: { cents: number }) => ({ amount: old.cents / 100 }),
    2: (old) => ({ ...old, currency: 'EUR' }),
  },
})
class Deposited {
  constructor(
    readonly amount: number,
    readonly currency: string,
  ) {
    constructed++;
  }
  get isLarge(): boolean {
    return this.amount > 1_000;
  }
}

@DomainEvent('account.closed')
@Fields({ at: instant })
class Closed {
  constructor(
    readonly at: Date,
    readonly reason?: string,
  ) {}
}

const types = new EventTypes([Deposited, Closed], 'Account');
const stored = (type: string, data: string, schemaVersion = 1): StoredEvent => ({
  id: newId(),
  stream: 'account-42',
  version: 7,
  position: 99,
  appendIndex: 0,
  type,
  schemaVersion,
  data,
  metadata: '{"actor":"ann"}',
  recordedAt: new Date(0),
});

it('an event is encoded under its name and version', () => {
  expect(types.encode(new Deposited(5, 'USD'))).toEqual({
    type: 'account.deposited',
    schemaVersion: 3,
    data: '{"amount":5,"currency":"USD"}',
  });
  expect(types.encode(new Closed(new Date(0)))).toMatchObject({ data: '{"at":"1970-01-01T00:00:00.000Z"}' });
});

it('a stored event is decoded as an instance, without running the constructor', () => {
  const before = constructed;
  const { data, metadata, version } = types.decode(
    stored('account.deposited', '{"amount":5000,"currency":"USD"}', 3),
  );
  expect({ metadata, version }).toEqual({ metadata: { actor: 'ann' }, version: 7 });
  expect(data).toBeInstanceOf(Deposited);
  expect((data as Deposited).isLarge).toBe(true);
  expect(constructed).toBe(before);
});

it.each([
  [1, '{"cents":500}'],
  [2, '{"amount":5}'],
  [3, '{"amount":5,"currency":"EUR"}'],
])('version %i is brought up to the present, under any alias', (version, data) => {
  for (const name of ['account.deposited', 'account.paid-in', 'einzahlung']) {
    expect({ ...types.decode(stored(name, data, version)).data }).toEqual({ amount: 5, currency: 'EUR' });
  }
});

it('a version that is newer than the code is refused', () => {
  for (const version of [4, 0]) {
    expect(() => types.decode(stored('account.deposited', '{}', version))).toThrow(
      `account-42 version 7 (position 99): account.deposited cannot be read: it was recorded with version ${version}`,
    );
  }
});

it('an unknown type is an error that says where it stands', () => {
  expect(() => types.decode(stored('account.opened', '{}'))).toThrow(UnknownEventType);
  expect(() => types.decode(stored('account.opened', '{}'))).toThrow(
    'account-42 version 7 (position 99): Event type "account.opened" is not known to Account: add its class (to the `events` of defineBackstory, or to an aggregate by a method',
  );
  expect(() => new EventTypes([Closed]).encode(new Deposited(1, 'EUR'))).toThrow(UnknownEventType);
});

it.each([
  ['not json', '{', 'its data is not JSON'],
  ['an array', '[]', 'its data is not a JSON object'],
  ['null', 'null', 'its data is not a JSON object'],
  ['a wrong field', '{"at":5}', 'account.closed.at is not an instant'],
])('recorded data that is %s is refused', (_, data, message) => {
  expect(() => types.decode(stored('account.closed', data))).toThrow(message);
});

describe('an upcaster', () => {
  const reading = (upcaster: (data: Record<string, unknown>) => unknown) => {
    @DomainEvent('x', { version: 2, upcast: { 1: upcaster } })
    class X {}
    return () => new EventTypes([X]).decode(stored('x', '{"a":1}')).data;
  };
  it('that throws names the event, the version and the cause', () => {
    const cause = new Error('no currency');
    const read = reading(() => {
      throw cause;
    });
    expect(read).toThrow(expect.objectContaining({ from: 1, stream: 'account-42', position: 99, cause }));
    expect(read).toThrow('Upcaster 1 of x threw: no currency');
  });
  it.each([
    ['a promise', async () => ({})],
    ['nothing', () => undefined],
    ['a list', () => []],
  ])('that gives %s is refused', (_, upcaster) => {
    expect(reading(upcaster)).toThrow(UpcastFailed);
  });
  it.each<[string, unknown, string]>([
    ['a Date', { at: [new Date()] }, 'gave x.at[0], which is a Date: it must return the data of version 2'],
    ['NaN', { n: NaN }, 'gave x.n, which is NaN'],
    ['a Map for everything', new Map(), 'gave x, which is a Map'],
    ['a promise of another kind', { then: () => undefined }, 'gave x.then, which is a function'],
  ])('that gives %s is refused', (_, given, message) => {
    expect(reading(() => given)).toThrow(UpcastFailed);
    expect(reading(() => given)).toThrow(message);
  });
  it('may leave properties undefined, which are then absent', () => {
    expect({ ...reading(() => ({ a: undefined, b: { c: undefined } }))() }).toStrictEqual({ b: {} });
  });
  it('may give the same default every time, which nobody changes', () => {
    const unknown = Object.freeze({ at: '1970-01-01T00:00:00.000Z', tags: ['none'] });
    class Origin {
      @Field(instant) at!: Date;
      tags!: string[];
    }
    @DomainEvent('x', { version: 2, upcast: { 1: () => ({ origin: unknown }) } })
    @Fields({ origin: nested(Origin) })
    class X {
      origin!: Origin;
    }
    const read = () => new EventTypes([X]).decode(stored('x', '{}')).data as X;
    read().origin.tags.push('more');
    expect(read().origin).toBeInstanceOf(Origin);
    expect(read().origin).toEqual({ at: new Date(0), tags: ['none'] });
    expect(reading(() => unknown)()).toEqual(unknown);
  });
});

describe('definitions that cannot mean what they say', () => {
  it('two classes with one name, or one alias', () => {
    @DomainEvent('account.closed')
    class Shut {}
    @DomainEvent('b', { aliases: ['einzahlung'] })
    class B {}
    expect(() => new EventTypes([Closed, Shut])).toThrow(DuplicateEventType);
    expect(() => new EventTypes([Closed, Shut])).toThrow('Both Closed and Shut are called "account.closed"');
    expect(() => new EventTypes([Deposited, B])).toThrow('Both Deposited and B are called "einzahlung"');
    expect(new EventTypes([Closed, Closed]).all).toHaveLength(1);
  });
  it('a version without all its upcasters', () => {
    @DomainEvent('x', { version: 4, upcast: { 2: (it) => it } })
    class X {}
    expect(() => new EventTypes([X])).toThrow(MissingUpcaster);
    expect(() => new EventTypes([X])).toThrow('cannot read version 1, 3');
  });
  it('a class that is no event', () => {
    class Plain {}
    class Richer extends Deposited {}
    expect(() => new EventTypes([Plain])).toThrow(NotAnEvent);
    expect(() => new EventTypes([Richer])).toThrow('Richer is not an event');
    expect(() => types.encode(new Richer(1, 'EUR'))).toThrow('Richer is not an event');
  });
  it.each([
    ['no name', () => DomainEvent('')],
    ['a control character', () => DomainEvent('a\nb')],
    ['half a character', () => DomainEvent('a\ud800')],
    ['257 bytes', () => DomainEvent('ä'.repeat(128) + 'a')],
    ['a broken alias', () => DomainEvent('a', { aliases: [''] })],
    ['version 0', () => DomainEvent('a', { version: 0 })],
    ['version 1.5', () => DomainEvent('a', { version: 1.5 })],
    ['a needless upcaster', () => DomainEvent('a', { version: 2, upcast: { 1: (it) => it, 2: (it) => it } })],
  ])('%s', (_, decorator) => {
    expect(() => decorator()(class Broken {})).toThrow(
      expect.objectContaining({ code: 'BACKSTORY_INVALID_DEFINITION' }),
    );
  });
  it('256 bytes are a name', () => {
    expect(() => DomainEvent('ä'.repeat(128))(class Fine {})).not.toThrow();
  });
  it('two names', () => {
    expect(() => DomainEvent('b')(Closed)).toThrow('has two @DomainEvent decorators');
  });
  it('an event that extends a built-in class', () => {
    @DomainEvent('totals')
    class Totals extends Map<string, number> {}
    expect(() => new EventTypes([Totals])).toThrow('Totals extends the built-in Map');
  });
  it.each([
    ['null', null],
    ['A value of type undefined', undefined],
    ['A value of type string', 'account.closed'],
    ['An object without a class', Object.create(null)],
    ['Object', {}],
  ])('%s instead of an event', (name, event) => {
    expect(() => types.encode(event as object)).toThrow(NotAnEvent);
    expect(() => types.encode(event as object)).toThrow(`${name} is not an event`);
  });
  it('an event with #private fields', () => {
    @DomainEvent('secret')
    class Secret {
      #key = 1;
      key = () => this.#key;
    }
    expect(() => new EventTypes([Secret])).toThrow('Secret keeps state in #key');
  });
  it('an event with #methods, which it would not have when it is read back', () => {
    @DomainEvent('paid')
    class Paid {
      readonly amount = 1;
      isLarge = (): boolean => this.#large();
      #large(): boolean {
        return this.amount > 100;
      }
    }
    expect(() => new EventTypes([Paid])).toThrow(
      'Paid has #large, which an instance gets from its constructor',
    );
  });
});

it('the events of a class with handlers are those it handles and ignores', () => {
  @Ignores(Closed)
  class Desk {
    @EventHandler(Deposited) on(): void {}
  }
  expect(new EventTypes([Desk]).all.map(({ name }) => name)).toEqual(['account.deposited', 'account.closed']);
});

it('two sets of types stand side by side', () => {
  @DomainEvent('account.closed')
  class Shut {
    @Field(instant) at!: Date;
  }
  const event = stored('account.closed', '{}');
  expect(new EventTypes([Shut]).decode(event).data).toBeInstanceOf(Shut);
  expect(types.decode(event).data).toBeInstanceOf(Closed);
});

it('recorded properties are properties of the instance, whatever its class does when they are set', () => {
  @DomainEvent('odd')
  class Odd {
    declare readonly amount: number;
    get total(): number {
      return this.amount;
    }
    set note(_: string) {
      throw new Error('set');
    }
  }
  @DomainEvent('plain')
  class Plain {
    describe(): string {
      return 'described';
    }
  }
  const odds = new EventTypes([Odd, Plain], 'Odd');
  const decode = (type: string, data: string): object => odds.decode(stored(type, data, 1)).data;
  const odd = decode('odd', '{"amount":1,"total":2,"note":"n"}');
  expect(odd).toBeInstanceOf(Odd);
  expect(Object.entries(odd)).toEqual([
    ['amount', 1],
    ['total', 2],
    ['note', 'n'],
  ]);
  const foreign = decode('plain', '{"__proto__":{"isAdmin":true},"describe":"own"}');
  expect(Object.getPrototypeOf(foreign)).toBe(Plain.prototype);
  expect(Object.keys(foreign)).toEqual(['__proto__', 'describe']);
  expect((foreign as { isAdmin?: boolean }).isAdmin).toBeUndefined();
});
