import { newId, type StoredEvent } from '@backstory/core';
import { DomainEvent, EventHandler, Field, instant, mapOf } from '@backstory/events';
import * as fc from 'fast-check';
import { Aggregate } from './aggregate-decorator.js';
import { modelOf } from './aggregate-model.js';
import { recordOf } from './aggregate-record.js';
import { EventSourcedAggregate } from './event-sourced-aggregate.js';
import { checkState } from './state-check.js';

@DomainEvent('cart.added')
class Added {
  constructor(readonly sku: string) {}
}
@DomainEvent('cart.changed')
class Changed {
  constructor(readonly quantity: number) {}
}
@DomainEvent('cart.spoiled')
class Spoiled {}

let initially: unknown = null;

interface Line {
  readonly sku: string;
  quantity: number;
}

@Aggregate('cart')
class Cart extends EventSourcedAggregate {
  lines: Line[] = [];
  /** The same object as in the list. */
  last: Line | null = null;
  @Field(instant) at = new Date(0);
  @Field(mapOf(Number)) bySku = new Map<string, number>();
  odd: unknown = initially;

  add(sku = 'pen'): void {
    this.raise(new Added(sku));
  }
  change(quantity: number): void {
    this.raise(new Changed(quantity));
  }
  spoil(): void {
    this.raise(new Spoiled());
  }
  @EventHandler(Added) protected added({ sku }: Added): void {
    this.last = { sku, quantity: 1 };
    this.lines.push(this.last);
    this.bySku.set(sku, (this.bySku.get(sku) ?? 0) + 1);
  }
  @EventHandler(Changed) protected changed({ quantity }: Changed): void {
    if (this.last) this.last.quantity = quantity;
  }
  @EventHandler(Spoiled) protected spoiled(): void {
    this.odd = { at: [NaN] };
  }
}

const model = modelOf(Cart);
const added = (version: number): StoredEvent => ({
  id: newId(),
  stream: 'cart-1',
  version,
  position: version,
  type: 'cart.added',
  schemaVersion: 1,
  data: '{"sku":"ink"}',
  metadata: '{}',
  appendIndex: 0,
  recordedAt: new Date(0),
});
function loaded(lines: number): Cart {
  const cart = model.create('1');
  model.fold(
    cart,
    Array.from({ length: lines }, (_, i) => added(i + 1)),
  );
  return cart;
}
function cartWith(lines: number): Cart {
  const cart = loaded(lines);
  // The first event after a load is always looked at, the next ones have to earn it.
  cart.change(2);
  return cart;
}

function inMode<T>(mode: string, work: () => T): T {
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = mode;
  try {
    return work();
  } finally {
    process.env['NODE_ENV'] = before;
  }
}

describe.each(['development', 'production'])('in %s', (mode) => {
  const within = (work: () => void) => () => inMode(mode, work);

  it(
    'a raise looks at no more than a few hundred values, however large the state has become',
    within(() => {
      let seen = 0;
      let lines: readonly Line[] = [];
      const countsLooks = { ownKeys: (it: object) => ((seen += 1 + 2 * lines.length), Reflect.ownKeys(it)) };
      initially = new Proxy({}, countsLooks);
      const cart = model.create('1');
      initially = null;
      lines = cart.lines;
      const raises = 2_000;
      for (let i = 0; i < raises; i++) cart.add();
      expect(cart.lines).toHaveLength(raises);
      expect(seen).toBeGreaterThan(raises);
      expect(seen).toBeLessThan(100 * raises);
    }),
  );

  it(
    'what a handler leaves behind that cannot be stored is refused at once by a small state, and after a load by any',
    within(() => {
      for (const cart of [model.create('1'), cartWith(3), loaded(500)]) {
        const before = recordOf(cart).pending.length;
        expect(() => cart.spoil()).toThrow('cart.state.odd.at[0] is NaN');
        expect(recordOf(cart).pending).toHaveLength(before);
        expect(() => cart.add()).toThrow('cannot be used any more');
      }
    }),
  );

  it(
    'it is refused before saving at the latest, by its path, and the instance says so',
    within(() => {
      const cart = cartWith(500);
      cart.spoil();
      cart.add();
      expect(() => checkState(cart)).toThrow('cart.state.odd.at[0] is NaN');
      expect(() => recordOf(cart).checkWritable()).toThrow('its state cannot be saved');
    }),
  );

  it(
    'a large state that events made is saved, and what it holds twice is no change',
    within(() => {
      const cart = cartWith(500);
      cart.change(5);
      for (let i = 0; i < 50; i++) {
        cart.add(`sku-${i}`);
        cart.change(i);
      }
      expect(() => checkState(cart)).not.toThrow();
      expect(cart.last).toBe(cart.lines.at(-1));
      recordOf(cart).pending.splice(0);
      cart.change(7);
      cart.change(8);
      expect(() => checkState(cart)).not.toThrow();
    }),
  );
});

describe('a change that no event made', () => {
  const stray = (...properties: string[]) =>
    expect.objectContaining({ code: 'BACKSTORY_CHANGED_WITHOUT_EVENT', properties }) as Error;

  it.each<[string, (cart: Cart) => void, string[]]>([
    ['a value deep in a list', (cart) => (cart.lines[3]!.quantity = 9), ['lines']],
    ['a property', (cart) => (cart.odd = 'gift'), ['odd']],
    ['a date', (cart) => cart.at.setTime(5), ['at']],
    ['a map', (cart) => cart.bySku.set('pen', 77), ['bySku']],
  ])('to %s of a large state is refused before saving', (_, change, properties) => {
    for (const when of ['before', 'between', 'after'] as const) {
      const cart = cartWith(500);
      if (when !== 'before') cart.add();
      if (when !== 'after') change(cart);
      if (when === 'before') expect(() => cart.add()).toThrow(stray(...properties));
      else cart.add();
      if (when === 'after') change(cart);
      if (when !== 'before') expect(() => checkState(cart)).toThrow(stray(...properties));
    }
  });

  it('is found by a later raise as well, when enough of them have been made', () => {
    const cart = cartWith(500);
    cart.add();
    cart.lines[3]!.quantity = 9;
    expect(() => {
      for (let i = 0; i < 100; i++) cart.add();
    }).toThrow(stray('lines'));
    expect(() => cart.add()).toThrow('cannot be used any more');
  });

  const steps = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constant('add' as const) },
      { weight: 4, arbitrary: fc.constant('change' as const) },
      { weight: 1, arbitrary: fc.constant('save' as const) },
      { weight: 1, arbitrary: fc.constant('stray' as const) },
    ),
    { maxLength: 60 },
  );
  it('is refused whatever was raised and saved around it, and nothing else is', () => {
    fc.assert(
      fc.property(fc.nat(80), steps, (lines, taken) => {
        const cart = loaded(lines);
        let isStray = false;
        const act = {
          add: () => cart.add(),
          change: () => cart.change(cart.version),
          stray: () => {
            isStray = true;
            cart.at = new Date(cart.at.getTime() + 1);
          },
          save: () => {
            checkState(cart);
            recordOf(cart).pending.splice(0);
          },
        };
        let refused: unknown;
        try {
          for (const step of [...taken, 'save' as const]) act[step]();
        } catch (error) {
          refused = error;
        }
        expect(refused === undefined).toBe(!isStray);
        if (isStray) expect(refused).toEqual(stray('at'));
      }),
      { numRuns: 300, examples: [[28, ['add', 'add', 'change', 'add', 'save', 'stray']]] },
    );
  });
});

it('a handler of a large state may call a #method of its own', () => {
  @Aggregate('tally')
  class Tally extends EventSourcedAggregate {
    counts: number[] = [];
    add(): void {
      for (let i = 0; i < 400; i++) this.raise(new Changed(i));
    }
    @EventHandler(Changed) protected changed({ quantity }: Changed): void {
      this.#count(quantity);
    }
    #count(quantity: number): void {
      this.counts.push(quantity);
    }
  }
  const tally = modelOf(Tally).create('1');
  tally.add();
  checkState(tally);
  expect(tally.counts).toHaveLength(400);
});

it('what a constructor gives an instance does not come back in the copy that only events reach', () => {
  @Aggregate('order')
  class Order extends EventSourcedAggregate {
    draft?: string = 'new';
    lines: number[] = [];
    add(quantity: number): void {
      this.raise(new Changed(quantity));
    }
    @EventHandler(Changed) protected changed({ quantity }: Changed): void {
      if (quantity === 0) delete this.draft;
      this.lines.push(quantity);
    }
  }
  const order = modelOf(Order).create('1');
  for (let i = 0; i < 400; i++) order.add(i);
  checkState(order);
  expect(Object.keys(order)).toEqual(['lines']);
});

it('what is pending is not read again with every look at a large state', () => {
  @Aggregate('board')
  class Board extends EventSourcedAggregate {
    places = Array.from({ length: 120 }, () => 0);
    set(quantity: number): void {
      this.raise(new Changed(quantity));
    }
    @EventHandler(Changed) protected changed({ quantity }: Changed): void {
      this.places[quantity % 120] = quantity;
    }
  }
  const board = modelOf(Board).create('1');
  let reads = 0;
  const pending = new Proxy(recordOf(board).pending, {
    get: (target, key) => {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
      return Reflect.get(target, key) as unknown;
    },
  });
  Object.defineProperty(recordOf(board), 'pending', { value: pending });
  const raises = 2_000;
  for (let i = 0; i < raises; i++) board.set(i);
  checkState(board);
  expect(reads).toBeGreaterThan(0);
  expect(reads).toBeLessThanOrEqual(raises);
});

it('a frozen constant in a large state is the same one to a handler, whenever it is run', () => {
  const NIGHT = Object.freeze({ from: 22, hours: Object.freeze([22, 23, 0]) });
  @Aggregate('shift')
  class Shift extends EventSourcedAggregate {
    window: typeof NIGHT | null = null;
    atNight: number[] = [];
    work(quantity: number): void {
      this.raise(new Changed(quantity));
    }
    @EventHandler(Changed) protected changed({ quantity }: Changed): void {
      this.window ??= NIGHT;
      if (this.window === NIGHT) this.atNight.push(quantity);
    }
  }
  const shift = modelOf(Shift).create('1');
  for (let i = 0; i < 400; i++) shift.work(i);
  checkState(shift);
  expect(shift.atNight).toHaveLength(400);
});

it('what is only outwardly frozen is copied, so that a change inside it is found', () => {
  @Aggregate('box')
  class Box extends EventSourcedAggregate {
    content: { readonly things: number[] } = Object.freeze({ things: [] });
    add(quantity: number): void {
      this.raise(new Changed(quantity));
    }
    @EventHandler(Changed) protected changed({ quantity }: Changed): void {
      this.content.things.push(quantity);
    }
  }
  const box = modelOf(Box).create('1');
  for (let i = 0; i < 400; i++) box.add(i);
  box.content.things[0] = 7;
  expect(() => checkState(box)).toThrow('content');
});
