import { newId, type StoredEvent } from '@backstory/core';
import { DomainEvent, EventHandler, Field, Fields, Ignores, instant, type Class } from '@backstory/events';
import { IsPositive } from 'class-validator';
import * as fc from 'fast-check';
import { Aggregate } from './aggregate-decorator.js';
import { modelOf } from './aggregate-model.js';
import { recordOf } from './aggregate-record.js';
import { EventSourcedAggregate } from './event-sourced-aggregate.js';
import type { RaiseMetadata } from './raise.js';

@DomainEvent('account.deposited', { aliases: ['paid-in'] })
class Deposited {
  @IsPositive() readonly amount: number;
  constructor(
    amount: number,
    readonly tags: string[] = [],
  ) {
    this.amount = amount;
  }
}
@DomainEvent('account.seen')
@Fields({ at: instant })
class Seen {
  constructor(readonly at: Date) {}
}
@DomainEvent('account.noted')
class Noted {}
@DomainEvent('account.unheard')
class Unheard {}
@DomainEvent('account.broken')
class Broken {
  constructor(readonly how: 'throws' | 'raises' | 'waits' | 'unstorable') {}
}

@Aggregate('account')
@Ignores(Noted)
class Account extends EventSourcedAggregate {
  balance = 0;
  @Field(instant) lastSeen?: Date;
  private last: unknown;
  private odd?: unknown;

  tell(event: object, metadata?: RaiseMetadata): void {
    this.raise(event, metadata);
  }
  lastEvent(): unknown {
    return this.last;
  }

  @EventHandler(Deposited) protected deposited(event: Deposited): void {
    this.balance += event.amount;
    keep = event;
  }
  @EventHandler(Seen) protected seen(event: Seen): void {
    this.lastSeen = event.at;
  }
  @EventHandler(Broken) protected broken({ how }: Broken): undefined {
    this.balance = -1;
    if (how === 'throws') throw new RangeError('no');
    if (how === 'unstorable') this.odd = new Map();
    if (how === 'waits') return Promise.reject(new Error('late')) as unknown as undefined;
    try {
      if (how === 'raises') this.raise(new Deposited(1));
    } catch {
      // Swallowing it must not help.
    }
    return undefined;
  }
}
let keep: Deposited | undefined;

const account = () => modelOf(Account).create('42');
const stored = (type: string, data: object, version = 1): StoredEvent => ({
  ...{
    id: newId(),
    stream: 'account-42',
    version,
    position: version + 10,
    appendIndex: 0,
    type,
    schemaVersion: 1,
  },
  ...{ data: JSON.stringify(data), metadata: '{}', recordedAt: new Date(0) },
});

describe('raise', () => {
  it('folds what will be read back, not what was given', () => {
    const it = account();
    const given = new Deposited(5, ['a']);
    it.tell(given);
    expect(keep).toStrictEqual(given);
    expect(keep).not.toBe(given);
    expect(keep!.tags).not.toBe(given.tags);
    it.tell(new Seen(new Date(7)));
    expect(it).toMatchObject({ id: '42', version: 2, balance: 5, lastSeen: new Date(7) });
  });

  it('freezes what is folded, but not in production', () => {
    const frozen = (mode: string) => {
      const before = process.env['NODE_ENV'];
      process.env['NODE_ENV'] = mode;
      try {
        account().tell(new Deposited(5, ['a']));
      } finally {
        process.env['NODE_ENV'] = before;
      }
      return [Object.isFrozen(keep), Object.isFrozen(keep!.tags)];
    };
    expect(frozen('development')).toEqual([true, true]);
    expect(frozen('production')).toEqual([false, false]);
  });

  it('keeps the event as text, with the time it happened and what else is known of it', () => {
    const it = account();
    const before = Date.now();
    it.tell(new Deposited(5));
    it.tell(new Deposited(6), { occurredAt: new Date(7), origin: 'bank:1', actor: undefined as never });
    it.tell(new Deposited(7), { occurredAt: '1970-01-01T01:00:00+01:00' });
    const [first, ...others] = recordOf(it).pending;
    expect(first).toMatchObject({
      type: 'account.deposited',
      schemaVersion: 1,
      data: '{"tags":[],"amount":5}',
    });
    expect(Date.parse(first!.metadata!.occurredAt!)).toBeGreaterThanOrEqual(before);
    expect(others.map(({ metadata }) => metadata)).toEqual([
      { occurredAt: '1970-01-01T00:00:00.007Z', origin: 'bank:1' },
      { occurredAt: '1970-01-01T00:00:00.000Z' },
    ]);
  });

  it.each<[string, object, RaiseMetadata | undefined, string]>([
    ['an invalid event', new Deposited(-1), undefined, 'BACKSTORY_INVALID_DATA'],
    [
      'a value that cannot be stored',
      new Deposited(5, [undefined as never]),
      undefined,
      'BACKSTORY_UNSTORABLE_VALUE',
    ],
    ['metadata that cannot be stored', new Deposited(5), { due: new Date() }, 'BACKSTORY_UNSTORABLE_VALUE'],
    ['a time that is none', new Deposited(5), { occurredAt: 'soon' }, 'BACKSTORY_UNSTORABLE_VALUE'],
    ['an invalid Date', new Deposited(5), { occurredAt: new Date(NaN) }, 'BACKSTORY_UNSTORABLE_VALUE'],
    ['a time that is null', new Deposited(5), { occurredAt: null as never }, 'BACKSTORY_UNSTORABLE_VALUE'],
    [
      'a time without its zone',
      new Deposited(5),
      { occurredAt: '2026-01-01T00:00:00' },
      'BACKSTORY_UNSTORABLE_VALUE',
    ],
    ['an event nobody handles', new Unheard(), undefined, 'BACKSTORY_MISSING_HANDLER'],
    ['what is no event', { amount: 1 }, undefined, 'BACKSTORY_NOT_AN_EVENT'],
    ['nothing', null as never, undefined, 'BACKSTORY_NOT_AN_EVENT'],
  ])('refuses %s and leaves everything as it was', (_, event, metadata, code) => {
    const it = account();
    expect(() => it.tell(event, metadata)).toThrow(expect.objectContaining({ code }));
    expect(recordOf(it).pending).toEqual([]);
    it.tell(new Deposited(5));
    expect(it).toMatchObject({ version: 1, balance: 5 });
  });

  it('an event that is ignored is kept and changes nothing', () => {
    const it = account();
    it.tell(new Noted());
    expect(recordOf(it).pending).toHaveLength(1);
    expect(it).toMatchObject({ version: 1, balance: 0 });
  });

  it.each<[Broken['how'], string | RegExp]>([
    [
      'throws',
      'Account.broken cannot fold account.broken, raised on Account 42: no. Check before raising: a handler only applies what has happened.',
    ],
    ['raises', 'Account.broken raised Deposited while folding'],
    ['waits', 'Account.broken is asynchronous'],
    ['unstorable', 'account.state.odd is a Map'],
  ])('a fold that %s makes the instance unusable', (how, message) => {
    const it = account();
    expect(() => it.tell(new Broken(how))).toThrow(message);
    expect(recordOf(it).pending).toEqual([]);
    expect(() => it.tell(new Deposited(1))).toThrow(
      expect.objectContaining({ code: 'BACKSTORY_AGGREGATE_UNUSABLE' }),
    );
    expect(() => modelOf(Account).state(it)).toThrow('load it again');
  });

  it('keeps what a handler threw as the cause', () => {
    const it = account();
    const broken = () => it.tell(new Broken('throws'));
    expect(broken).toThrow(
      expect.objectContaining({
        code: 'BACKSTORY_RAISE_FAILED',
        facts: { aggregate: 'Account', id: '42', type: 'account.broken', handler: 'Account.broken' },
        cause: new RangeError('no'),
      }),
    );
  });

  it('names the handler that raises', () => {
    @Aggregate('a')
    class Loop extends EventSourcedAggregate {
      go = (): void => undefined;
      start(): void {
        this.raise(new Noted());
      }
      @EventHandler(Noted) noted(): void {
        this.raise(new Noted());
      }
    }
    const it = modelOf(Loop).create('1');
    Reflect.deleteProperty(it, 'go');
    expect(() => it.start()).toThrow('Loop.noted raised Noted while folding');
  });

  it('needs an instance that a repository made', () => {
    expect(() => new Account().tell(new Noted())).toThrow(
      'This Account has no id: make it with repository.create(id)',
    );
    @Aggregate('a')
    class Early extends EventSourcedAggregate {
      mine = this.id;
    }
    expect(() => modelOf(Early).create('1')).toThrow(
      expect.objectContaining({ code: 'BACKSTORY_AGGREGATE_WITHOUT_ID' }),
    );
  });
});

describe('state that a command changes without an event', () => {
  const stray = (...properties: string[]) =>
    expect.objectContaining({ code: 'BACKSTORY_CHANGED_WITHOUT_EVENT', properties }) as Error;
  const production = (work: () => void) => {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      work();
    } finally {
      process.env['NODE_ENV'] = before;
    }
  };
  const folded = () => {
    const it = account();
    modelOf(Account).fold(it, [stored('account.deposited', { amount: 2, tags: [] })]);
    return it;
  };
  const restored = () => modelOf(Account).restore('42', { balance: 2 }, { version: 1, position: 1 });
  const raised = () => {
    const it = account();
    it.tell(new Seen(new Date(0)));
    it.tell(new Deposited(5));
    return it;
  };

  it.each([
    ['made', account],
    ['loaded', folded],
    ['restored', restored],
    ['raised on', raised],
  ])('is refused by the next event, on an instance that was %s', (_, make) => {
    const it = make();
    it.balance += 1;
    expect(() => it.tell(new Deposited(5))).toThrow(
      'Account 42 changed its state in another way than by its events (balance): raise an event, and change it in its handler from what the event says.',
    );
    expect(() => it.tell(new Noted())).toThrow(stray('balance'));
    it.balance -= 1;
    expect(() => it.tell(new Deposited(5))).not.toThrow();
  });

  it('is told by the names of all its properties, also inside a value, gone or new', () => {
    const it = raised();
    it.lastSeen!.setTime(1);
    Object.assign(it, { balance: undefined, extra: 1 });
    expect(() => it.tell(new Noted())).toThrow(stray('balance', 'lastSeen', 'extra'));
  });

  it('is no change when it is the same as before, in whatever order', () => {
    const it = raised();
    const { balance } = it;
    Reflect.deleteProperty(it, 'balance');
    Object.assign(it, { balance, extra: undefined });
    expect(() => it.tell(new Noted())).not.toThrow();
  });

  it('is not looked for in production, nor on an instance that was folded there', () => {
    production(() => {
      const it = account();
      it.balance = 7;
      it.tell(new Deposited(5));
      expect(it.balance).toBe(12);
    });
    const it = account();
    production(() => it.tell(new Deposited(5)));
    expect(() => it.tell(new Noted())).not.toThrow();
    const read = account();
    production(() => modelOf(Account).fold(read, [stored('account.deposited', { amount: 2, tags: [] })]));
    expect(() => read.tell(new Noted())).not.toThrow();
  });

  it('is not looked for where the state could not be stored anyhow, which is told when it is raised', () => {
    @Aggregate('a')
    @Ignores(Noted)
    class Clocked extends EventSourcedAggregate {
      clock: unknown = () => 0;
      tell(): void {
        this.raise(new Noted());
      }
    }
    const it = modelOf(Clocked).create('1');
    expect(() => it.tell()).toThrow('a.state.clock is a function');
  });
});

describe('fold', () => {
  const model = modelOf(Account);
  it('applies recorded events, also under an alias, and skips what is ignored', () => {
    const it = account();
    model.fold(it, [stored('paid-in', { amount: 2, tags: [] }), stored('account.noted', {}, 2)]);
    model.fold(it, [stored('account.deposited', { amount: 3, tags: [] }, 3)]);
    expect(it).toMatchObject({ version: 3, balance: 5 });
    expect(recordOf(it)).toMatchObject({ position: 13, pending: [] });
  });

  it.each<[string, StoredEvent, string]>([
    [
      'an unknown type',
      stored('account.opened', {}),
      'account-42 version 1 (position 11): Event type "account.opened" is not known to Account',
    ],
    [
      'what throws',
      stored('account.broken', { how: 'throws' }),
      'Account.broken cannot fold account.broken (account-42 version 1): no.',
    ],
    ['what waits', stored('account.broken', { how: 'waits' }), 'Account.broken is asynchronous'],
    [
      'what raises',
      stored('account.broken', { how: 'raises' }),
      'Account.broken raised Deposited while folding',
    ],
  ])('%s is an error, and the instance is unusable', (_, event, message) => {
    const it = account();
    expect(() => model.fold(it, [event])).toThrow(message);
    expect(() => model.fold(it, [stored('account.noted', {})])).toThrow('load it again');
  });

  it('says what is wrong with a handler as when raising, and goes on saying so', () => {
    const errors = (how: Broken['how']) => {
      const it = account();
      const codeOf = (work: () => void) => {
        try {
          return work();
        } catch (error) {
          return [(error as { code: string }).code, (error as { cause?: { code: string } }).cause?.code];
        }
      };
      const broken = () => model.fold(it, [stored('account.broken', { how })]);
      return [codeOf(broken), codeOf(broken)];
    };
    const unusable = 'BACKSTORY_AGGREGATE_UNUSABLE';
    expect(errors('waits')).toEqual([
      ['BACKSTORY_ASYNC_FOLD', undefined],
      [unusable, 'BACKSTORY_ASYNC_FOLD'],
    ]);
    expect(errors('raises')).toEqual([
      ['BACKSTORY_RAISE_IN_FOLD', undefined],
      [unusable, 'BACKSTORY_RAISE_IN_FOLD'],
    ]);
    expect(errors('throws')[0]).toEqual(['BACKSTORY_FOLD_FAILED', undefined]);
  });

  it('a gap is refused', () => {
    expect(() => model.fold(account(), [stored('account.noted', {}, 2)])).toThrow('needs version 1');
  });

  it('state read back is the same, whatever happened', () => {
    const amounts = fc.array(fc.oneof(fc.integer({ min: 1, max: 1e9 }), fc.date({ noInvalidDate: true })));
    fc.assert(
      fc.property(amounts, (happened) => {
        const it = account();
        for (const what of happened) it.tell(typeof what === 'number' ? new Deposited(what) : new Seen(what));
        const naive = happened
          .filter((what) => typeof what === 'number')
          .reduce((sum, amount) => sum + amount, 0);
        expect(it.balance).toBe(naive);
        const again = model.restore('42', model.state(it), { version: it.version, position: 7 });
        expect(again).toStrictEqual(it);
        expect(again.version).toBe(happened.length);
        expect(recordOf(again).position).toBe(7);
      }),
    );
  });

  it('a property that was emptied is empty when it is restored', () => {
    @Aggregate('door')
    class Door extends EventSourcedAggregate {
      lock?: string = 'closed';
      @EventHandler(Noted) noted(): void {
        this.lock = undefined as never;
      }
    }
    const door = modelOf(Door);
    const it = door.create('1');
    door.fold(it, [stored('account.noted', {})]);
    expect(door.state(it)).toEqual({});
    expect(door.restore('1', door.state(it), { version: 1, position: 1 })).toStrictEqual(it);
  });
});

describe('a class that cannot be an aggregate', () => {
  const aggregate = (cls: Class<EventSourcedAggregate>, category = 'a') => {
    Aggregate(category)(cls);
    return () => modelOf(cls);
  };
  it.each(['', 'a-b', '_a', 'a\n', 'x'.repeat(300)])('has the category %j', (category) => {
    expect(() => aggregate(class A extends EventSourcedAggregate {}, category)).toThrow('category');
  });
  it.each([
    [undefined, 'undefined: two files that import each other leave it so.'],
    [new Noted(), 'an object: name the class itself.'],
  ])('is no class: %p', (cls, message) => {
    expect(() => modelOf(cls as never)).toThrow(`The aggregate is no class but ${message}`);
    expect(() => modelOf(cls as never)).toThrow(
      expect.objectContaining({ code: 'BACKSTORY_INVALID_DEFINITION' }),
    );
  });
  it('has no category of its own', () => {
    expect(() => modelOf(class Savings extends Account {})).toThrow(
      "Savings has no category of its own: decorate the class with @Aggregate('…').",
    );
  });
  it('has a constructor with parameters', () => {
    class A extends EventSourcedAggregate {
      constructor(readonly clock: () => number) {
        super();
      }
    }
    expect(aggregate(A as never)).toThrow('A has a constructor with parameters');
  });
  it('has #private fields', () => {
    class A extends EventSourcedAggregate {
      #balance = 0;
      balance = () => this.#balance;
    }
    expect(aggregate(A)).toThrow('A keeps state in #balance');
    expect(aggregate(class B extends A {})).toThrow('A keeps state in #balance');
  });
  it('folds with an async method', () => {
    class A extends EventSourcedAggregate {
      // @ts-expect-error -- for those who do not compile with types
      @EventHandler(Noted) async noted(): Promise<void> {}
    }
    expect(aggregate(A)).toThrow(
      expect.objectContaining({ code: 'BACKSTORY_ASYNC_FOLD', handler: 'A.noted' }),
    );
  });
  it('folds with a generator', () => {
    class A extends EventSourcedAggregate {
      // @ts-expect-error -- for those who do not compile with types
      @EventHandler(Noted) *noted(): Generator<number> {
        yield 1;
      }
    }
    expect(aggregate(A)).toThrow(expect.objectContaining({ code: 'BACKSTORY_ASYNC_FOLD' }));
  });
  it('has two categories', () => {
    class A extends EventSourcedAggregate {}
    Aggregate('a')(A);
    expect(() => Aggregate('b')(A)).toThrow('A has two @Aggregate decorators');
  });
  it('folds with reaction options', () => {
    class A extends EventSourcedAggregate {
      // @ts-expect-error -- for those who do not compile with types
      @EventHandler(Noted, { timeoutMs: 1 }) noted(): void {}
    }
    expect(aggregate(A)).toThrow('A.noted has reaction options');
  });
  it('folds an event and ignores it', () => {
    @Ignores(Noted)
    class A extends EventSourcedAggregate {
      @EventHandler(Noted) noted(): void {}
    }
    expect(aggregate(A)).toThrow('A.noted folds Noted, which the class says it ignores');
  });
  it('folds one event twice', () => {
    class A extends EventSourcedAggregate {
      @EventHandler(Noted) one(): void {}
      @EventHandler(Noted) two(): void {}
    }
    expect(aggregate(A)).toThrow('A.two folds Noted, and so does one');
  });
});

it('another class with the name of an event that is handled is not handled', () => {
  const twin = () => {
    @DomainEvent('account.noted')
    class Noted {}
    return new Noted();
  };
  expect(() => account().tell(twin())).toThrow(
    expect.objectContaining({ code: 'BACKSTORY_MISSING_HANDLER' }),
  );
});

it('a fold may give back anything that is not a promise', () => {
  @Aggregate('a')
  class Odd extends EventSourcedAggregate {
    seen = 0;
    tell = undefined;
    note(): void {
      this.raise(new Noted());
    }
    @EventHandler(Noted) noted(): undefined {
      this.seen++;
      return null as never;
    }
  }
  const it = modelOf(Odd).create('1');
  it.note();
  expect(it.seen).toBe(1);
});

it('a subclass may ignore what its ancestor folds, or fold what it ignores', () => {
  @Aggregate('base')
  @Ignores(Unheard)
  class Base extends EventSourcedAggregate {
    log: string[] = [];
    @EventHandler(Noted) noted(): void {
      this.log.push('noted');
    }
  }
  @Aggregate('quiet')
  @Ignores(Noted)
  class Quiet extends Base {
    @EventHandler(Unheard) unheard(): void {
      this.log.push('unheard');
    }
  }
  @Aggregate('loud')
  class Loud extends Quiet {
    @EventHandler(Noted) again(): void {
      this.log.push('again');
    }
  }
  const logOf = (cls: Class<Base>) => {
    const it = modelOf(cls).create('1');
    modelOf(cls).fold(it, [stored('account.noted', {}), stored('account.unheard', {}, 2)]);
    return it.log;
  };
  expect([Base, Quiet, Loud].map(logOf)).toEqual([['noted'], ['unheard'], ['again', 'unheard']]);
});

it('a subclass folds with its own handler, or overrides the method', () => {
  @Aggregate('base')
  class Base extends EventSourcedAggregate {
    log: string[] = [];
    @EventHandler(Noted) noted(): void {
      this.log.push('base');
    }
    @EventHandler(Unheard) unheard(): void {
      this.log.push('base');
    }
  }
  @Aggregate('derived')
  class Derived extends Base {
    @EventHandler(Noted) another(): void {
      this.log.push('another');
    }
    override unheard(): void {
      this.log.push('override');
    }
  }
  const events = [stored('account.noted', {}), stored('account.unheard', {}, 2)];
  const logOf = (cls: Class<Base>) => {
    const it = modelOf(cls).create('1');
    modelOf(cls).fold(it, events);
    return it.log;
  };
  expect(logOf(Base)).toEqual(['base', 'base']);
  expect(logOf(Derived)).toEqual(['another', 'override']);
});
