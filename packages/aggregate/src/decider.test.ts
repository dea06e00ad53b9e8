import { newId, type StoredEvent } from '@backstory/core';
import { Big, DomainEvent, EventHandler, Fields, decimal, instant, listOf, mapOf } from '@backstory/events';
import * as fc from 'fast-check';
import { Aggregate } from './aggregate-decorator.js';
import { modelOf } from './aggregate-model.js';
import { recordOf } from './aggregate-record.js';
import { decider } from './decider.js';
import { EventSourcedAggregate } from './event-sourced-aggregate.js';

@DomainEvent('account.deposited')
class Deposited {
  constructor(readonly amount: number) {}
}
@DomainEvent('account.withdrawn')
class Withdrawn {
  constructor(readonly amount: number) {}
}
@DomainEvent('account.noted')
class Noted {
  constructor(readonly text: string) {}
}

const events = { Deposited, Withdrawn, Noted };
const Account = decider('account', {
  initial: { balance: 0 },
  events,
  decide: {
    deposit: (_, amount: number) => new Deposited(amount),
    withdraw: ({ balance }, amount: number) => {
      if (amount > balance) throw new RangeError(`Only ${balance} left.`);
      return new Withdrawn(amount);
    },
    empty: ({ balance }) => (balance === 0 ? undefined : [new Withdrawn(balance), new Noted('emptied')]),
    nothing: () => [],
    thenFail: (_, amount: number) => [new Deposited(amount), new Deposited(NaN)],
  },
  evolve: {
    Deposited: (state, { amount }) => ({ balance: state.balance + amount }),
    Withdrawn: (state, { amount }) => ({ balance: state.balance - amount }),
    Noted: (state) => state,
  },
});
type Account = InstanceType<typeof Account>;

const model = modelOf(Account);
const make = (): Account => model.create('42');
const pending = (account: object) =>
  recordOf(account).pending.map(({ type, data }) => [type, JSON.parse(data)] as unknown);

const stored = (type: string, data: object, version: number): StoredEvent => ({
  id: newId(),
  stream: 'account-42',
  version,
  position: version,
  type,
  schemaVersion: 1,
  data: JSON.stringify(data),
  metadata: '{}',
  appendIndex: 0,
  recordedAt: new Date(),
});

/** A decider of one event, for what is odd about the rest. */
const odd = (parts: object) =>
  decider('odd', {
    initial: { total: 0, list: [1] },
    events: { Deposited },
    decide: { go: () => new Deposited(1) },
    evolve: { Deposited: (state: unknown) => state },
    ...parts,
  }) as unknown as new () => EventSourcedAggregate & {
    readonly state: unknown;
    go(...given: unknown[]): unknown;
  };
const goOn = (parts: object) => modelOf(odd(parts)).create('1');

describe('a decider', () => {
  test('raises the event that a command decides, and folds it', () => {
    const account = make();
    account.deposit(100);
    account.withdraw(30);
    expect(account.state).toEqual({ balance: 70 });
    expect(account).toMatchObject({ id: '42', version: 2, state: { balance: 70 } });
    expect(pending(account)).toEqual([
      ['account.deposited', { amount: 100 }],
      ['account.withdrawn', { amount: 30 }],
    ]);
  });

  test('raises several events of one decision in order, or none', () => {
    const account = make();
    account.empty();
    account.nothing();
    expect(account.version).toBe(0);
    account.deposit(5);
    account.empty();
    expect(pending(account).slice(1)).toEqual([
      ['account.withdrawn', { amount: 5 }],
      ['account.noted', { text: 'emptied' }],
    ]);
  });

  test('raises none of several events when one of them is refused', () => {
    const account = make();
    expect(() => account.thenFail(1)).toThrow('account.deposited.amount is NaN');
    expect([account.version, account.state, pending(account)]).toEqual([0, { balance: 0 }, []]);
    account.deposit(1);
    expect(account.state).toEqual({ balance: 1 });
  });

  test('refuses by throwing, and nothing has happened', () => {
    const account = make();
    expect(() => account.withdraw(1)).toThrow('Only 0 left.');
    expect(account.version).toBe(0);
  });

  test('gives no event back: what happened is what was raised', () => {
    expect(make().deposit(1)).toBeUndefined();
  });

  test('decides nothing on an aggregate of the past', () => {
    const account = make();
    recordOf(account).readOnly = 'at version 3';
    expect(() => account.empty()).toThrow('read-only');
  });

  test('lets one decision use another', () => {
    const account = goOn({
      decide: {
        one: () => new Deposited(1),
        go(this: { one: () => object }) {
          return [this.one(), this.one()];
        },
      },
    });
    account.go();
    expect(account.version).toBe(2);
  });

  test('is called by its category in messages', () => {
    expect([model.name, model.category, Account.name]).toEqual(['account', 'account', 'account']);
  });

  test('refuses to be made with new', () => {
    expect(() => new Account().deposit(1)).toThrow('This account has no id');
  });
});

describe('the state of a decider', () => {
  test('is the state itself, not a wrapper', () => {
    const account = make();
    account.deposit(3);
    expect(model.state(account)).toEqual({ balance: 3 });
    expect(model.value(account)).toBe(account.state);
  });

  test('is not shared between instances, whatever the initial state holds', () => {
    const initial = { total: 0, list: [1] };
    const cls = odd({ initial });
    const [one, two] = [modelOf(cls).create('1'), modelOf(cls).create('2')];
    initial.list.push(2);
    expect(one.state).toEqual({ total: 0, list: [1] });
    expect((one.state as typeof initial).list).not.toBe((two.state as typeof initial).list);
  });

  test.each([
    ['text', 'draft', 'open'],
    ['a number', 0, 7],
    ['null, then an object', null, { id: 1 }],
    ['an object, then null', { id: 1 }, null],
    ['a list', [], [1, { a: 2 }]],
    ['a boolean', false, true],
  ])('may be %s', (_, initial, next) => {
    const cls = odd({ initial, evolve: { Deposited: () => next } });
    const its = modelOf(cls);
    const aggregate = its.create('1');
    expect(its.state(aggregate)).toEqual(initial);
    aggregate.go();
    expect(aggregate.state).toEqual(next);
    const restored = its.restore('1', its.state(aggregate), { version: 1, position: 1 });
    expect(restored).toMatchObject({ version: 1, state: next });
    restored.go();
    expect(restored.version).toBe(2);
  });

  test('has a shape that shows its functions and what it begins with', () => {
    const shapes = [
      {},
      { evolve: { Deposited: (state: object) => ({ ...state, more: 1 }) } },
      { initial: { total: 1 } },
      { initial: { total: 0, list: [1], at: null }, fields: { at: instant } },
      { initial: { total: 0, list: [1], at: null } },
      { version: 2 },
    ].map((parts) => modelOf(odd(parts)).shape);
    expect(new Set(shapes).size).toBe(shapes.length);
    expect(modelOf(odd({})).shape).toBe(shapes[0]);
    expect(modelOf(odd({ snapshots: { every: 3 } })).snapshots).toEqual({ every: 3, keep: 5 });
    expect(() => odd({ snapshots: 3 })).toThrow('write { every: 100 }');
  });

  test('may come from a function, which gives a type to it', () => {
    expect(goOn({ initial: () => ({ total: 5 }) }).state).toEqual({ total: 5 });
  });

  test('holds values of declared types, in every copy', () => {
    const at = new Date('2026-01-01');
    const fields = {
      at: instant,
      sums: mapOf(decimal),
      lines: listOf({ price: decimal }),
      last: { seen: instant },
    };
    const initial = {
      at,
      sums: new Map([['a', new Big('0.1')]]),
      lines: [{ price: new Big(2), sku: 'x' }],
      last: { seen: at, by: 'ann' },
    };
    const cls = odd({
      fields,
      initial,
      evolve: { Deposited: (state: object) => ({ ...state, paid: true }) },
    });
    const its = modelOf(cls);
    const aggregate = its.create('1');
    aggregate.go();
    expect(its.state(aggregate)).toEqual({
      at: '2026-01-01T00:00:00.000Z',
      sums: [['a', '0.1']],
      lines: [{ price: '2', sku: 'x' }],
      last: { seen: '2026-01-01T00:00:00.000Z', by: 'ann' },
      paid: true,
    });
    const restored = its.restore('1', its.state(aggregate), { version: 1, position: 1 });
    expect(restored.state).toEqual({ ...initial, paid: true });
    initial.sums.clear();
    expect((its.create('2').state as typeof initial).sums.size).toBe(1);
  });

  test('may be an instance of a class', () => {
    @Fields({ at: instant })
    class Cart {
      constructor(readonly at: Date) {}
    }
    const its = modelOf(
      odd({ initial: new Cart(new Date(0)), evolve: { Deposited: () => new Cart(new Date(1)) } }),
    );
    const aggregate = its.create('1');
    aggregate.go();
    const restored = its.restore('1', its.state(aggregate), { version: 1, position: 1 });
    expect(restored.state).toBeInstanceOf(Cart);
    expect(restored.state).toEqual(new Cart(new Date(1)));
  });

  test.each([
    ['a Date', { at: new Date() }, 'odd.state.at is a Date', 'fields: { at: instant }'],
    ['a Map', { 'a b': new Map() }, 'odd.state["a b"] is a Map', 'fields: { ["a b"]: mapOf(…) }'],
    [
      'a Big in a list',
      { lines: [{ price: new Big(1) }] },
      'lines[0].price is a Big',
      'fields: { lines: listOf({ price: decimal }) }',
    ],
    ['undefined', { at: undefined }, 'odd.state.at is undefined', 'leave it out, or use null'],
    ['nothing but a Map', new Map(), 'odd.state is a Map', 'Object.fromEntries'],
  ])('refuses %s by its path, and says how to declare it', (_, next, where, advice) => {
    const aggregate = goOn({ evolve: { Deposited: () => next } });
    expect(() => aggregate.go()).toThrow(where);
    expect(() => odd({ initial: next })).toThrow(advice);
    expect(recordOf(aggregate).pending).toEqual([]);
  });

  test('that anything but an event has changed is refused', () => {
    const account = make();
    account.deposit(1);
    (account as { state: unknown }).state = { balance: 1000, gift: true };
    expect(() => account.deposit(1)).toThrow(/changed its state in another way.*\(balance, gift\)/);
    const counter = goOn({ initial: 0 });
    (counter as { state: unknown }).state = 7;
    expect(() => counter.go()).toThrow(/changed its state in another way.*\(state\)/);
  });
});

describe('evolve', () => {
  test.each([
    ['changes the state', (state: { total: number }) => ((state.total = 1), state)],
    ['adds to the state', (state: Record<string, unknown>) => ((state['more'] = 1), state)],
    ['changes a list in it', (state: { list: number[] }) => (state.list.push(1), state)],
    ['removes from it', (state: { total?: number }) => (delete state.total, state)],
    ['changes the event', (state: object, event: { amount: number }) => ((event.amount = 1), state)],
  ])('that %s it was given is refused, with a way out', (_, evolve) => {
    const aggregate = goOn({ evolve: { Deposited: evolve } });
    expect(() => aggregate.go()).toThrow(
      expect.objectContaining({
        code: 'BACKSTORY_RAISE_FAILED',
        message: expect.stringMatching(
          /^odd\.evolve\.Deposited cannot fold account\.deposited.*return a new state instead.*\.$/,
        ) as string,
      }),
    );
    expect(() => aggregate.go()).toThrow('cannot be used any more');
  });

  test('that changes what is in a state frozen on the outside only is refused', () => {
    let first = true;
    const evolve = (state: { list: number[] }) => {
      if (!first) state.list.push(1);
      first = false;
      return Object.freeze({ list: [...state.list] });
    };
    const aggregate = goOn({ evolve: { Deposited: evolve } });
    aggregate.go();
    expect(() => aggregate.go()).toThrow('changes the state');
  });

  test('that returns nothing is refused, raised or recorded', () => {
    const parts = { evolve: { Deposited: () => undefined } };
    expect(() => goOn(parts).go()).toThrow('it returned undefined: return the next state');
    const its = modelOf(odd(parts));
    expect(() => its.fold(its.create('42'), [stored('account.deposited', { amount: 1 }, 1)])).toThrow(
      /account-42 version 1.*it returned undefined/,
    );
  });

  test('that returns a promise is refused', () => {
    const aggregate = goOn({ evolve: { Deposited: (state: unknown) => Promise.resolve(state) } });
    expect(() => aggregate.go()).toThrow('odd.evolve.Deposited is asynchronous');
    expect(() => odd({ evolve: { Deposited: async () => Promise.resolve(1) } })).toThrow(
      'odd.evolve.Deposited is asynchronous',
    );
  });

  test('that throws leaves nothing raised, and an instance that says so', () => {
    const aggregate = goOn({
      evolve: {
        Deposited: () => {
          throw new RangeError('no');
        },
      },
    });
    expect(() => aggregate.go()).toThrow(
      /odd\.evolve\.Deposited cannot fold account\.deposited.*: no\. Check before/,
    );
    expect(recordOf(aggregate).pending).toEqual([]);
  });

  test('keeps what it is given from being changed in development alone', () => {
    const before = process.env['NODE_ENV'];
    expect(Object.isFrozen(make().state)).toBe(true);
    const account = make();
    account.deposit(1);
    expect(Object.isFrozen(account.state)).toBe(true);
    expect(Object.isFrozen(model.restore('1', { balance: 1 }, { version: 1, position: 1 }).state)).toBe(true);
    process.env['NODE_ENV'] = 'production';
    try {
      const fast = make();
      expect(Object.isFrozen(fast.state)).toBe(false);
      fast.deposit(1);
      expect(Object.isFrozen(fast.state)).toBe(false);
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });
});

describe('decide', () => {
  test('that returns a promise is refused, and its failure is not lost', () => {
    expect(() => odd({ decide: { go: async () => Promise.resolve() } })).toThrow(
      expect.objectContaining({ code: 'BACKSTORY_ASYNC_DECISION' }),
    );
    const aggregate = goOn({ decide: { go: () => Promise.reject(new Error('late')) } });
    expect(() => aggregate.go()).toThrow('odd.go is asynchronous');
  });

  test.each([
    ["'deposited'", 'deposited'],
    ['null', null],
    ['false', false],
    ['undefined', [undefined]],
    ['null', [new Deposited(1), null]],
    ['an instance of Array', [[new Deposited(1)]]],
    ['an instance of Set', new Set([new Deposited(1)])],
    ['[class Deposited]', Deposited],
    ['a plain object', { amount: 1 }],
  ])('that returns %s is refused by its name, and raises nothing', (what, result) => {
    const aggregate = goOn({ decide: { go: () => result } });
    expect(() => aggregate.go()).toThrow(`odd.go decided ${what}, which is no event: return an instance`);
    expect(aggregate.version).toBe(0);
  });

  test('that returns an event that it does not know is refused', () => {
    const aggregate = goOn({ decide: { go: () => new Noted('x') } });
    expect(() => aggregate.go()).toThrow('odd has no handler for Noted');
    expect(aggregate.version).toBe(0);
  });

  test('cannot change the state in development', () => {
    const aggregate = goOn({ decide: { go: (state: { total: number }) => void (state.total = 1) } });
    expect(() => aggregate.go()).toThrow('read only');
  });
});

describe('the definition of a decider', () => {
  const wrong = { toString: 1 };
  test.each<[string, unknown, string]>([
    ['without parts', undefined, "decider('account', { initial, events, decide, evolve })"],
    ['with a misspelt part', { ...parts(), evolves: {} }, 'has a part "evolves"'],
    ['without a state', { ...parts(), initial: undefined }, 'needs an initial state'],
    ['without events', { ...parts(), events: undefined }, 'needs events: an object of event classes'],
    ['with a list of handlers', { ...parts(), evolve: [] }, 'needs evolve: an object of functions'],
    [
      'with an event that is undefined',
      { ...parts(), events: { Deposited: undefined } },
      'two files that import each other',
    ],
    [
      'with a class that is no event',
      { ...parts(), events: { Deposited: class Odd {} } },
      'Odd is not an event',
    ],
    [
      'with one event twice',
      { ...parts(), events: { Deposited, Again: Deposited } },
      'is the same class as events.Deposited',
    ],
    [
      'without a way to fold an event',
      { ...parts(), evolve: {} },
      'has no evolve.Deposited: add Deposited: (state, event) =>',
    ],
    [
      'that folds what it does not know',
      { ...parts(), evolve: { ...parts().evolve, Gone: () => 1 } },
      'has evolve.Gone, but no event',
    ],
    ['with something else than a function', { ...parts(), decide: { go: 1 } }, 'x.go is no function'],
    ['with a generator', { ...parts(), decide: { *go() {} } }, 'x.go is asynchronous or a generator'],
    ...[
      'id',
      'version',
      'state',
      'raise',
      'then',
      'constructor',
      'evolve.Deposited',
      ...Object.keys(wrong),
    ].map((name): [string, unknown, string] => [
      `with a command called ${name}`,
      { ...parts(), decide: { [name]: () => [] } },
      `x.${name} cannot be a command`,
    ]),
  ])('%s is refused', (_, given, message) => {
    expect(() => decider('x', given as never)).toThrow(message);
  });

  test.each(['', 'a-b', '_x'])('with the category "%s" is refused', (category) => {
    expect(() => decider(category, parts() as never)).toThrow('category');
  });

  function parts() {
    return {
      initial: 0,
      events: { Deposited },
      decide: { go: () => [] },
      evolve: { Deposited: (state: number) => state },
    };
  }
});

@Aggregate('account')
class ClassAccount extends EventSourcedAggregate {
  balance = 0;
  notes: string[] = [];
  tell(event: object): void {
    this.raise(event);
  }
  @EventHandler(Deposited) protected deposited({ amount }: Deposited): void {
    this.balance += amount;
  }
  @EventHandler(Withdrawn) protected withdrawn({ amount }: Withdrawn): void {
    this.balance -= amount;
  }
  @EventHandler(Noted) protected noted({ text }: Noted): void {
    this.notes.push(text);
  }
}
const FunctionalAccount = decider('account', {
  initial: { balance: 0, notes: [] as readonly string[] },
  events,
  decide: { tell: (_, event: Deposited) => event },
  evolve: {
    Deposited: (state, { amount }) => ({ ...state, balance: state.balance + amount }),
    Withdrawn: (state, { amount }) => ({ ...state, balance: state.balance - amount }),
    Noted: (state, { text }) => ({ ...state, notes: [...state.notes, text] }),
  },
});

describe('the two forms', () => {
  const anEvent = fc.oneof(
    fc.nat(1000).map((amount) => new Deposited(amount)),
    fc.nat(1000).map((amount) => new Withdrawn(amount)),
    fc.string({ unit: 'grapheme' }).map((text) => new Noted(text)),
  );

  test('fold the same history to the same state, raised, loaded and restored', () => {
    const models = [modelOf(ClassAccount), modelOf(FunctionalAccount)] as const;
    fc.assert(
      fc.property(fc.array(anEvent, { maxLength: 20 }), fc.nat(20), (history, cut) => {
        const [byClass, byFunctions] = [models[0].create('1'), models[1].create('1')];
        for (const event of history) {
          byClass.tell(event);
          byFunctions.tell(event as Deposited);
        }
        expect(models[1].state(byFunctions)).toEqual(models[0].state(byClass));
        expect(pending(byFunctions)).toEqual(pending(byClass));

        const recorded = recordOf(byClass).pending.map(({ type, data }, i) =>
          stored(type, JSON.parse(data) as object, i + 1),
        );
        const loaded = models[1].create('1');
        models[1].fold(loaded, recorded.slice(0, cut));
        const at = { version: Math.min(cut, recorded.length), position: 0 };
        const restored = models[1].restore('1', models[1].state(loaded), at);
        models[1].fold(restored, recorded.slice(cut));
        expect(restored.state).toEqual(byFunctions.state);
      }),
    );
  });
});

describe('the types of a decider', () => {
  type Order = { readonly status: 'none' } | { readonly status: 'open' | 'closed'; readonly total: number };

  test('follow from its parts, without annotations', () => {
    const cls = decider('order', {
      initial: (): Order => ({ status: 'none' }),
      events,
      decide: {
        open: (order, total: number, note?: string) => {
          if (order.status !== 'none') return undefined;
          return [new Deposited(total), new Noted(note ?? '')];
        },
        all: (_, ...texts: string[]) => texts.map((text) => new Noted(text)),
      },
      evolve: {
        Deposited: (_, { amount }) => ({ status: 'open', total: amount }),
        Withdrawn: (order) => (order.status === 'none' ? order : { ...order, status: 'closed' }),
        Noted: () => ({ status: 'none' }),
      },
    });
    const order = modelOf(cls).create('1');
    order.open(5);
    order.open(5, 'again');
    order.all('a', 'b');
    const state: Order = order.state;
    expect(state).toEqual({ status: 'none' });
    // @ts-expect-error a command takes what it declares
    expect(() => order.open('5')).not.toThrow();
    // @ts-expect-error and nothing is left out
    void (() => order.open());
    // @ts-expect-error there is no such command
    expect(order.close).toBeUndefined();
    // @ts-expect-error the state changes by events
    void (() => (order.state = { status: 'none' }));
  });

  test('know no commands where there are none', () => {
    const log = modelOf(
      decider('log', { initial: 0, events: { Noted }, decide: {}, evolve: { Noted: (n) => n + 1 } }),
    ).create('1');
    const id: string = log.id;
    // @ts-expect-error there is no command at all
    const none: unknown = log.write;
    expect([id, none]).toEqual(['1', undefined]);
  });

  test('refuse another state, an unknown event, a missing and a misspelt handler', () => {
    const Withdraws = { Withdrawn };
    expect(() => {
      decider('order', {
        initial: (): 'none' | 'open' => 'none',
        events: { Deposited },
        decide: {
          // @ts-expect-error Noted is none of its events
          note: (_, text: string) => new Noted(text),
        },
        // @ts-expect-error there is no such state
        evolve: { Deposited: () => 'opened' },
      });
      decider('order', {
        initial: { a: 0 },
        events: { Deposited },
        decide: {},
        // @ts-expect-error the state is no number
        evolve: { Deposited: () => 1 },
      });
      decider('order', {
        initial: 0,
        events: { Deposited },
        // @ts-expect-error what is decided is decided at once
        decide: { later: async () => Promise.resolve(new Deposited(1)) },
        evolve: { Deposited: (state) => state },
      });
      decider('order', {
        initial: 0,
        events: { Deposited, ...Withdraws },
        decide: {},
        // @ts-expect-error Withdrawn is missing
        evolve: { Deposited: (state) => state },
      });
    }).toThrow();
  });
});

test('an event class needs no decorator syntax', () => {
  const Renamed = DomainEvent('account.renamed')(
    class Renamed {
      constructor(readonly name: string) {}
    },
  );
  const cls = decider('account', {
    initial: { name: '' },
    events: { Renamed },
    decide: { rename: (_, name: string) => new Renamed(name) },
    evolve: { Renamed: (_, { name }) => ({ name }) },
  });
  const account = modelOf(cls).create('1');
  account.rename('ann');
  expect(account.state).toEqual({ name: 'ann' });
});
