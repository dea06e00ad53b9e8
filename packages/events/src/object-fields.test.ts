import { Big } from 'big.js';
import * as fc from 'fast-check';
import { Field } from './field.js';
import { bigint, decimal, instant, listOf, mapOf, nested, objectOf, setOf } from './field-types.js';
import { decodeInstance, encodeInstance } from './instance-codec.js';
import type { JsonObject } from './json.js';

class Money {
  @Field(decimal) amount = new Big(0);
}
class Order {
  @Field(listOf({ price: decimal, dates: listOf(instant), parts: mapOf({ count: bigint }) }))
  lines: object[] = [];
  @Field(objectOf({ by: { at: instant }, total: nested(Money) })) paid?: object;
  @Field(setOf({ at: instant })) seen = new Set<object>();
}

const throughText = (it: Order) =>
  decodeInstance(Order, JSON.parse(JSON.stringify(encodeInstance(it, 'order'))) as JsonObject, 'order');
const order = (fields: Partial<Order>) => Object.assign(new Order(), fields);

const at = fc.date({ noInvalidDate: true });
const line = fc.record(
  {
    sku: fc.string({ unit: 'grapheme' }),
    price: fc.integer().map((it) => new Big(it).div(100)),
    dates: fc.array(at),
    parts: fc
      .array(fc.bigInt())
      .map((all) => new Map(all.map((count, i) => [`p${i}`, { count, spare: true }]))),
  },
  { noNullPrototype: true, requiredKeys: [] },
);

test('plain objects with declared properties are read back as they were', () => {
  fc.assert(
    fc.property(fc.array(line), fc.array(at), at, (lines, dates, when) => {
      const total = new Money();
      total.amount = new Big('1.5');
      const it = order({
        lines,
        seen: new Set(dates.map((date) => ({ at: date, where: null }))),
        paid: { by: { at: when, name: 'ann' }, total, note: [1] },
      });
      expect(throughText(it)).toStrictEqual(it);
    }),
  );
});

test.each([
  [
    'something else than a plain object',
    { lines: [new Money()] },
    'order.lines[0] is an instance of Money',
    'a plain object',
  ],
  ['text', { lines: ['pen' as never] }, 'order.lines[0] is a string', 'a plain object'],
  ['a value of another type', { lines: [{ price: 1 }] }, 'order.lines[0].price is a number', 'a Big'],
  ['undefined', { lines: [{ sku: undefined }] }, 'order.lines[0].sku is undefined', 'leave it out'],
  [
    'what is not declared',
    { lines: [{ more: [{ at: new Date() }] }] },
    'order.lines[0].more[0].at is a Date',
    'fields: { more: listOf({ at: instant }) }',
  ],
  [
    'a getter',
    {
      paid: {
        get total() {
          return 1;
        },
      },
    },
    'order.paid.total is a getter',
    'store the value',
  ],
])('%s is refused by its path', (_, fields, where, advice) => {
  expect(() => encodeInstance(order(fields), 'order')).toThrow(where);
  expect(() => encodeInstance(order(fields), 'order')).toThrow(advice);
});

test('what cannot be read as such an object says so', () => {
  expect(() => decodeInstance(Order, { lines: [{ price: 'much' }] }, 'order')).toThrow(
    'order.lines[0].price is not a decimal',
  );
  expect(() => decodeInstance(Order, { lines: ['pen'] }, 'order')).toThrow('order.lines[0] is not an object');
});
