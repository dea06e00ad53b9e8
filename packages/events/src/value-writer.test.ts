import { isDeepStrictEqual } from 'node:util';
import { Big } from 'big.js';
import * as fc from 'fast-check';
import { UnstorableValue } from './errors.js';
import { Field } from './field.js';
import { bigint, decimal, instant, listOf, mapOf, nested, setOf } from './field-types.js';
import { decodeInstance, encodeInstance, encodeValue } from './instance-codec.js';
import type { JsonObject } from './json.js';

class Money {
  @Field(decimal) readonly amount: Big;
  readonly currency: string;
  constructor(amount: string | Big, currency: string) {
    this.amount = new Big(amount);
    this.currency = currency;
  }
}

class Everything {
  plain: unknown;
  @Field(instant) at?: Date | null;
  @Field(decimal) price?: Big;
  @Field(bigint) count?: bigint;
  @Field(nested(Money)) total?: Money;
  @Field(listOf(Money, { key: 'currency' })) totals?: Money[];
  @Field(listOf(instant)) times?: (Date | null)[];
  @Field(mapOf(Money)) purses?: Map<string, Money>;
  @Field(mapOf(setOf(bigint))) numbers?: Map<string, Set<bigint>>;
  @Field(setOf(String)) tags?: Set<string>;
  @Field(setOf(Money)) prizes?: Set<Money>;
  constructor(fields: Partial<Everything>) {
    Object.assign(this, fields);
    for (const name of Object.keys(this) as (keyof this)[]) if (this[name] === undefined) delete this[name];
  }
}

const throughText = (it: Everything) =>
  decodeInstance(Everything, JSON.parse(JSON.stringify(encodeInstance(it, 'it'))) as JsonObject, 'it');

const text = fc.string({ unit: 'grapheme' });
const big = fc.tuple(fc.bigInt(), fc.integer({ min: 0, max: 40 })).map(([n, e]) => new Big(`${n}e-${e}`));
const money = fc.tuple(big, text).map(([amount, currency]) => new Money(amount, currency));
const date = fc.date({ noInvalidDate: true });
const map = <T>(values: fc.Arbitrary<T>) => fc.array(fc.tuple(text, values)).map((pairs) => new Map(pairs));
const set = <T>(values: fc.Arbitrary<T>) => fc.array(values).map((items) => new Set(items));
const json = fc
  .jsonValue()
  .map((it) => JSON.parse(JSON.stringify(it).replaceAll('__proto__', 'proto')) as unknown);
const everything = fc
  .record(
    {
      plain: json,
      at: fc.option(date),
      price: big,
      count: fc.bigInt(),
      total: money,
      totals: fc.array(money),
      times: fc.array(fc.option(date)),
      purses: map(money),
      numbers: map(set(fc.bigInt())),
      tags: set(text),
      prizes: set(money),
    },
    { requiredKeys: [] },
  )
  .map((fields) => new Everything(fields));

it('every declared value is read back as it was', () => {
  fc.assert(
    fc.property(everything, (it) => {
      expect(throughText(it)).toStrictEqual(it);
      expect(Object.keys(throughText(it))).toEqual(Object.keys(it));
    }),
    { numRuns: 150 },
  );
});

it('any value at all is either read back as it was or refused', () => {
  const anything = fc.anything({
    key: fc.oneof(text, fc.string({ unit: 'binary' }), fc.constant('__proto__'), fc.constant('toJSON')),
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withTypedArray: true,
    withSparseArray: true,
  });
  let stored = 0;
  const property = fc.property(anything, (value) => {
    const encoded = encodedOrRefused(value);
    if (encoded === undefined) return;
    stored++;
    const readBack: unknown = JSON.parse(encoded);
    expect(isDeepStrictEqual(readBack, value)).toBe(true);
    expect(JSON.stringify(encodeValue(readBack, 'it'))).toBe(encoded);
  });
  fc.assert(property, { numRuns: 3_000 });
  expect(stored).toBeGreaterThan(100);
});

function encodedOrRefused(value: unknown): string | undefined {
  try {
    return JSON.stringify(encodeValue(value, 'it'));
  } catch (error) {
    if (error instanceof UnstorableValue) return undefined;
    throw error;
  }
}

it('what JSON knows is never refused', () => {
  const known = fc
    .jsonValue({ stringUnit: 'grapheme' })
    .filter((it) => !JSON.stringify(it).includes('"__proto__"'));
  fc.assert(
    fc.property(known, (it) => {
      const value: unknown = JSON.parse(JSON.stringify(it));
      expect(encodeValue(value, 'it')).toStrictEqual(value);
    }),
  );
});

const cycle: { inner: { outer?: object } } = { inner: {} };
cycle.inner.outer = cycle;
const sparse = [1, 2, 3];
Reflect.deleteProperty(sparse, 1);
class Point {
  x = 1;
}
class List extends Array<number> {}

it.each<[string, unknown, string, RegExp | string]>([
  ['NaN', { n: NaN }, 'it.n', 'NaN'],
  ['Infinity', { n: [-Infinity] }, 'it.n[0]', '-Infinity'],
  ['-0', { n: -0 }, 'it.n', '-0'],
  ['undefined in an array', { list: [1, undefined] }, 'it.list[1]', 'undefined'],
  ['undefined in an object', { a: { b: undefined } }, 'it.a.b', 'leave it out'],
  ['a function', { f: () => 1 }, 'it.f', 'a function'],
  ['a symbol', { s: Symbol('s') }, 'it.s', 'a symbol'],
  ['a symbol key', { [Symbol('s')]: 1 }, 'it["Symbol(s)"]', 'symbol-keyed'],
  ['a bigint', { n: 1n }, 'it.n', 'store text, e.g. toString().'],
  ['a Date', { lines: [{}, {}, { at: new Date() }] }, 'it.lines[2].at', 'store text, e.g. toISOString().'],
  ['a Map', { m: new Map() }, 'it.m', 'store a plain object, e.g. Object.fromEntries(it).'],
  ['a Set', { m: new Set() }, 'it.m', 'store an array, e.g. [...it].'],
  ['a Big', { m: new Big(1) }, 'it.m', 'store text, e.g. toString().'],
  ['an instance', { p: new Point() }, 'it.p', 'store plain data.'],
  ['a promise', { p: Promise.resolve() }, 'it.p', 'await'],
  ['bytes', { p: Buffer.from('x') }, 'it.p', 'base64'],
  ['an object without a prototype', { p: Object.create(null) as object }, 'it.p', 'without a prototype'],
  [
    'an object with a bare prototype',
    { p: Object.create(Object.create(null) as object) as object },
    'it.p',
    'an instance of Class',
  ],
  ['a derived array', { p: new List() }, 'it.p', 'derived from Array'],
  ['a hole', { p: sparse }, 'it.p[1]', 'a hole'],
  [
    'a named property of an array',
    { p: Object.assign([1], { x: 1 }) },
    'it.p.x',
    'named property of an array',
  ],
  ['half a character', { s: 'a\ud800' }, 'it.s', 'lone surrogate'],
  ['half a character in a key', { '\udc00': 1 }, 'it["\\udc00"]', 'lone surrogate'],
  ['an own __proto__', JSON.parse('{"__proto__":1}'), 'it.__proto__', '__proto__'],
  [
    'a getter',
    {
      get now() {
        return 1;
      },
    },
    'it.now',
    'getter',
  ],
  ['a hidden property', Object.defineProperty({}, 'h', { value: 1 }), 'it.h', 'non-enumerable'],
  ['a toJSON trick', { d: { toJSON: () => 1 } }, 'it.d.toJSON', 'a function'],
  ['a cycle', cycle, 'it.inner.outer', 'a cycle'],
  ['a boxed number', { n: Object(1) as unknown }, 'it.n', 'boxed'],
])('%s is refused, naming the path and what to do', (_, value, path, message) => {
  expect(() => encodeValue(value, 'it')).toThrow(
    expect.objectContaining({ code: 'BACKSTORY_UNSTORABLE_VALUE', path }),
  );
  expect(() => encodeValue(value, 'it')).toThrow(message);
});

describe('the advice for a value that a class can declare fits its place', () => {
  class Line {
    @Field(listOf(Object)) notes: unknown[] = [];
    @Field(listOf(String)) names: unknown[] = [];
    'unit price'?: unknown;
    constructor(readonly value: unknown) {}
  }
  class Order {
    @Field(listOf(Line)) lines: Line[] = [];
    more?: unknown;
    constructor(lines: Line[], more?: unknown) {
      this.lines = lines;
      this.more = more;
    }
  }
  const told = (instance: object) => {
    try {
      return encodeInstance(instance, 'it');
    } catch (error) {
      return (error as UnstorableValue).advice;
    }
  };
  const declare = (type: string, property = 'value') =>
    `declare it with @Field(${type}), or with @Fields({ ${property}: ${type} }) on Line where it is a constructor parameter`;
  const instead = (what: string, type: string) =>
    `store ${what}, or make what holds it a class that declares it as ${type}, and declare that with nested(…)`;
  const text = 'text, e.g. toISOString()';

  it.each<[unknown, string]>([
    [new Date(), 'instant'],
    [1n, 'bigint'],
    [new Big(1), 'decimal'],
    [new Map(), 'mapOf(…)'],
    [new Set(), 'setOf(…)'],
    [new Point(), 'nested(Point)'],
  ])('a property: %p', (value, type) => {
    expect(told(new Line(value))).toBe(declare(type));
    expect(told(Object.assign(new Line(1), { 'unit price': value }))).toBe(declare(type, '["unit price"]'));
    expect(told(new Order([new Line(1), new Line(value)]))).toBe(declare(type));
  });

  it('an item of a list that is a property', () => {
    expect(told(new Line([1, new Date()]))).toBe(
      'declare its list with @Field(listOf(instant)), or with @Fields({ value: listOf(instant) }) on Line where it is a constructor parameter',
    );
  });

  it.each([
    ['an object', { at: new Date() }],
    ['a list in a list', [[new Date()]]],
    ['an object in a list', [{ at: new Date() }]],
    ['a list in an object', { times: [new Date()] }],
  ])('inside %s, which has no class', (_, value) => {
    expect(told(new Line(value))).toBe(instead(text, 'instant'));
    expect(told(new Order([new Line(1)], value))).toBe(instead(text, 'instant'));
  });

  it('in a list that is declared to hold plain data', () => {
    expect(told(Object.assign(new Line(1), { names: [new Date()] }))).toBe(instead(text, 'instant'));
    expect(told(Object.assign(new Line(1), { notes: [{ n: 1n }] }))).toBe(
      instead('text, e.g. toString()', 'bigint'),
    );
  });

  it('what no field type stores is the same everywhere', () => {
    expect(told(new Line(Buffer.from('x')))).toBe('store them as base64 text');
    expect(told(new Line({ at: Promise.resolve() }))).toBe('await it first');
  });
});

it('500 levels are stored and 501 are not', () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
  expect(encodeValue(deep(500), 'it')).toStrictEqual(deep(500));
  expect(() => encodeValue(deep(501), 'it')).toThrow('more than 500 levels');
});

it('a Map takes two levels, as it is stored', () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
  class Holder {
    @Field(mapOf(Object)) map: Map<string, unknown>;
    constructor(levels: number) {
      this.map = new Map([['a', { deep: deep(levels) }]]);
    }
  }
  expect(() => encodeInstance(new Holder(496))).not.toThrow();
  expect(() => encodeInstance(new Holder(497))).toThrow('more than 500 levels');
});

it('a Big of another copy of big.js is refused, saying which one to use', () => {
  let Other = Big;
  jest.isolateModules(() => (Other = jest.requireActual<{ Big: typeof Big }>('big.js').Big));
  expect(Other).not.toBe(Big);
  const which = 'the class Big that backstory and @backstory/events export';
  expect(() => encodeInstance(new Everything({ price: new Other(1) }), 'it')).toThrow(
    `it.price is a Big of another copy of big.js, which would not be read back as it is: its field is declared to be a Big, ${which}.`,
  );
  class Priced {
    constructor(readonly price: unknown) {}
  }
  expect(() => encodeInstance(new Priced(new Other(1)), 'it')).toThrow(
    `it.price is a Big of another copy of big.js, which would not be read back as it is: make it with ${which}, and declare it with @Field(decimal), or with`,
  );
  expect(() => encodeValue({ price: new Other(1) }, 'it')).toThrow(': store text, e.g. toString().');
  class Big1 {}
  Object.defineProperty(Big1, 'name', { value: 'Big' });
  expect(() => encodeInstance(new Priced(new Big1()), 'it')).toThrow('@Field(nested(Big))');
});

it('an object that is held twice, or frozen, is stored', () => {
  const shared = Object.freeze({ a: 1 });
  expect(encodeValue([shared, { shared }], 'it')).toEqual([{ a: 1 }, { shared: { a: 1 } }]);
});

it.each<[string, Partial<Everything>, string]>([
  ['text for a Date', { at: '2026' as never }, 'it.at is a string'],
  ['an invalid Date', { at: new Date(NaN) }, 'it.at is an invalid Date'],
  ['a number for a Big', { price: 1 as never }, 'it.price is a number'],
  ['a decimal -0', { price: new Big('-0') }, 'it.price is -0'],
  ['a number for a bigint', { count: 1 as never }, 'it.count is a number'],
  ['a plain object for a class', { total: { amount: '1' } as never }, 'it.total is a plain object'],
  ['a subclass', { total: new (class Euro extends Money {})('1', 'EUR') }, 'it.total is an instance of Euro'],
  ['undefined in a declared list', { times: [undefined as never] }, 'it.times[0] is undefined'],
  [
    'a Map key that is no text',
    { purses: new Map([[1 as never, new Money('1', 'EUR')]]) },
    'key that is not text',
  ],
  ['text for a class', { total: '1 EUR' as never }, 'it.total is a string'],
  [
    'a class derived from Map',
    { purses: new (class Purses extends Map<string, Money> {})() },
    'it.purses is a Map, which',
  ],
  ['a Map with a property', { purses: Object.assign(new Map(), { owner: 'ann' }) }, 'it.purses is a Map'],
  [
    'a Map key that is half a character',
    { purses: new Map([['\ud800', new Money('1', 'EUR')]]) },
    'a lone surrogate',
  ],
  ['a class derived from Set', { tags: new (class Tags extends Set<string> {})() }, 'it.tags is a Set'],
  ['a Set with a property', { tags: Object.assign(new Set<string>(), { x: 1 }) }, 'it.tags is a Set'],
  ['a Date with a property', { at: Object.assign(new Date(0), { zone: 'UTC' }) }, 'it.at is a Date'],
  ['deep inside', { totals: [new Money('1', 'EUR'), new Money('2', 'a\ud800')] }, 'it.totals[1].currency'],
])('a declared field refuses %s', (_, fields, message) => {
  expect(() => encodeInstance(new Everything(fields), 'it')).toThrow(message);
});

it.each(['2026-01-02', '2026-01-02T01:00+01:00', '+275760-09-13T00:00:00.000Z'])(
  'an instant that others wrote as %s is read',
  (at) => {
    expect(decodeInstance(Everything, { at }).at).toEqual(new Date(at));
  },
);

it.each<[string, () => unknown, string]>([
  ['a list of Date', () => listOf(Date), 'Date is the built-in Date'],
  ['a nested Map', () => nested(Map), 'Map is the built-in Map'],
  [
    'a nested class that extends Map',
    () => nested(class Purse extends Map {}),
    'Purse extends the built-in Map',
  ],
  ['a list of BigInt', () => listOf(BigInt as never), 'BigInt is the built-in BigInt'],
  ['a list of what is not there yet', () => listOf(undefined as never), 'undefined'],
  ['a map of what is no type', () => mapOf('Line' as never), 'neither a field type nor a class'],
  ['nested in what is not there yet', () => nested(undefined as never), 'undefined'],
])('%s is refused when it is declared', (_, declare, message) => {
  expect(declare).toThrow(expect.objectContaining({ code: 'BACKSTORY_INVALID_DEFINITION' }));
  expect(declare).toThrow(message);
});

it('a list of plain objects may say Object', () => {
  class Plain {
    @Field(listOf(Object)) lines = [{ a: 1 }];
  }
  expect(decodeInstance(Plain, encodeInstance(new Plain()))).toStrictEqual(new Plain());
});

it('a field that is undefined counts as absent', () => {
  class Optional {
    note = undefined;
    a = 1;
  }
  expect(encodeInstance(new Optional())).toStrictEqual({ a: 1 });
});

it('null stands in lists and maps of declared values', () => {
  class Optional {
    @Field(mapOf(instant)) byName = new Map([['a', null]]);
    @Field(listOf(Money)) list = [null];
  }
  expect(decodeInstance(Optional, encodeInstance(new Optional()))).toStrictEqual(new Optional());
});

it('a nested class with #private fields is refused', () => {
  class Secret {
    #key = 1;
    key = () => this.#key;
  }
  class Holder {
    @Field(nested(Secret)) secret = new Secret();
  }
  expect(() => encodeInstance(new Holder())).toThrow('Secret keeps state in #key');
});

it('a nested class with #methods is refused, which it would not have when it is read back', () => {
  class Sum {
    amount = 1;
    get isLarge(): boolean {
      return this.#large;
    }
    get #large(): boolean {
      return this.amount > 100;
    }
  }
  class Holder {
    @Field(nested(Sum)) sum = new Sum();
  }
  expect(() => encodeInstance(new Holder())).toThrow(
    'Sum has #large, which an instance gets from its constructor',
  );
});

it('a declared field that is absent is not taken from the prototype', () => {
  class Odd {
    @Field(instant) valueOf!: never;
  }
  expect(Object.keys(decodeInstance(Odd, {}))).toEqual([]);
});

it('what was stored is left as it is by reading it', () => {
  const stored = encodeInstance(new Everything({ at: new Date(0), totals: [new Money('1', 'EUR')] }));
  const before = structuredClone(stored);
  decodeInstance(Everything, stored);
  expect(stored).toStrictEqual(before);
});

it('what is stored for declared values is plain and stable', () => {
  const it = new Everything({
    at: new Date('2026-01-02T03:04:05.006Z'),
    price: new Big('1.10'),
    count: 2n ** 70n,
    purses: new Map([
      ['b', new Money('1', 'EUR')],
      ['1', new Money('2', 'USD')],
    ]),
    tags: new Set(['x']),
  });
  expect(encodeInstance(it)).toStrictEqual({
    at: '2026-01-02T03:04:05.006Z',
    price: '1.1',
    count: '1180591620717411303424',
    purses: [
      ['b', { amount: '1', currency: 'EUR' }],
      ['1', { amount: '2', currency: 'USD' }],
    ],
    tags: ['x'],
  });
});

it.each([
  ['at', 'yesterday', 'it.at is not an instant'],
  ['at', '2026-01-01T00:00:00', 'it.at is not an instant'],
  ['at', '1', 'it.at is not an instant'],
  ['price', 'x', 'it.price is not a decimal'],
  ['price', 1, 'it.price is not a decimal'],
  ['count', '1.5', 'it.count is not a bigint'],
  ['total', [], 'it.total is not a Money'],
  ['times', {}, 'it.times is not a list'],
  ['times', ['2026-01-01T00:00:00.000Z', 'x'], 'it.times[1] is not an instant'],
  ['purses', { a: { amount: '1' } }, 'it.purses is not a map'],
  ['purses', [['a']], 'it.purses is not an entry of a map'],
  ['purses', [['a', { amount: 1 }]], 'it.purses.a.amount is not a decimal'],
])('stored %s %j is refused naming the path', (name, value, message) => {
  expect(() => decodeInstance(Everything, { [name]: value }, 'it')).toThrow(message);
});
