import fc from 'fast-check';
import { Big, Field, decimal, instant, listOf, mapOf, nested, setOf, type Json } from '@backstory/events';
import { encodeValue, objectOf } from '@backstory/events/codec';
import { StateComparison, type Difference } from './differences.js';
import { LiveState, type PartChange } from './live-state.js';

class Money {
  @Field(decimal) amount = new Big(0);
  note?: string | undefined;
}
class Order {
  @Field(listOf(Money, { key: 'note' })) lines: Money[] = [];
  @Field(mapOf(Money)) byName = new Map<string, Money>();
  @Field(setOf(String)) tags = new Set<string>();
  @Field(setOf({ at: instant })) seen = new Set<object>();
  @Field(objectOf({ at: instant, parts: listOf({ price: decimal }) })) extra: Record<string, unknown> = {};
  free: Record<string, unknown> = {};
  when: undefined | number;
}
const type = nested(Order);

type Change = (order: Order, text: string, n: number) => void;
const money = (n: number): Money =>
  Object.assign(new Money(), { amount: new Big(n), note: n % 3 ? `n${n}` : undefined });

/** Whatever handlers do to a state, in place and by replacing. */
const CHANGES: readonly Change[] = [
  (it, _, n) => it.lines.push(money(n)),
  (it, _, n) => it.lines.unshift(money(n)),
  (it) => it.lines.pop(),
  (it) => it.lines.reverse(),
  (it, text, n) => void (it.lines[n % 4] && (it.lines[n % 4]!.note = n % 2 ? text : undefined)),
  (it, _, n) => void (it.lines[0] && (it.lines[0].amount = new Big(n))),
  (it) => void (it.lines = it.lines.map((line) => Object.assign(new Money(), line))),
  (it, text, n) => it.byName.set(text, money(n)),
  (it, text) => it.byName.delete(text),
  (it, text, n) => void (it.byName.get(text) && (it.byName.get(text)!.amount = new Big(n))),
  (it) => void (it.byName = new Map([...it.byName].reverse())),
  (it, text) => it.tags.add(text),
  (it, text) => it.tags.delete(text),
  (it, _, n) => it.seen.add({ at: new Date(n), extra: { n } }),
  (it, _, n) => it.seen.forEach((one) => (one as { at: Date }).at.setTime(n)),
  (it, _, n) =>
    void (it.extra = { at: n % 2 ? null : new Date(n), parts: [{ price: new Big(n) }], text: 'x' }),
  (it, _, n) => void (it.extra['at'] instanceof Date && it.extra['at'].setTime(n)),
  (it, text, n) => void (it.free[text] = n % 3 ? { deep: [n, { text }] } : n),
  (it, text) => delete it.free[text],
  (it, text, n) => void (it.free[text] as { deep?: unknown[] } | undefined)?.deep?.push(n),
  (it) => void (it.free = structuredClone(it.free)),
  (it, _, n) => void (it.when = n % 2 ? undefined : n),
];

test('a state read again is what the codec makes of it, and shares with the last what did not change', () => {
  const step = fc.tuple(
    fc.nat(CHANGES.length - 1),
    fc.constantFrom('a', 'b', 'c.d', '2', 'toString'),
    fc.nat(9),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const order = new Order();
      const live = new LiveState(type, 'order.state', false);
      let last: Json = live.read(order);
      for (const [which, text, n] of steps) {
        const kept = JSON.stringify(last);
        CHANGES[which]!(order, text, n);
        const now = live.read(order);
        expect(JSON.stringify(last)).toBe(kept);
        expect(JSON.stringify(now)).toBe(JSON.stringify(encodeValue(order, 'order.state', type)));
        checkShared(last, now);
        last = now;
      }
    }),
    { numRuns: 300 },
  );
});

/** Where two states are equal they are one object. The pairs of a map are told apart by their names, not by their places. */
function checkShared(last: Json, now: Json): void {
  if (typeof last !== 'object' || typeof now !== 'object' || last === null || now === null) return;
  if (JSON.stringify(last) === JSON.stringify(now)) return expect(now).toBe(last);
  if (Array.isArray(last) !== Array.isArray(now)) return;
  if (isPair(last) && isPair(now) && last[0] !== now[0]) return;
  for (const [key, member] of Object.entries(last)) {
    if (Object.hasOwn(now, key)) checkShared(member, (now as Record<string, Json>)[key]!);
  }
}

function isPair(json: Json): json is [string, Json] {
  return Array.isArray(json) && json.length === 2 && typeof json[0] === 'string';
}

test('who is told of changes learns of each, while objects stay the same ones', () => {
  const step = fc.tuple(
    fc.nat(CHANGES.length - 1),
    fc.constantFrom('a', 'b', 'c.d', '2', 'toString'),
    fc.nat(9),
  );
  const inWords = (differences: readonly Difference[]) =>
    differences
      .map(({ steps, isOrder, ...it }) =>
        JSON.stringify([steps, isOrder === true || ['before' in it, 'after' in it]]),
      )
      .sort();
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const order = new Order();
      const told: PartChange[] = [];
      const live = new LiveState(type, 'order.state', false, (it) => void told.push(it));
      const comparison = new StateComparison(type);
      let last: Json = live.read(order);
      for (const [which, text, n] of steps) {
        const before = structuredClone(last);
        told.length = 0;
        CHANGES[which]!(order, text, n);
        const now = live.read(order);
        const after = encodeValue(order, 'order.state', type);
        expect(JSON.stringify(now)).toBe(JSON.stringify(after));
        const found = told.flatMap(({ steps: at, type: of, before: old, after: made }) =>
          old === undefined
            ? [{ steps: at, after: made }]
            : comparison.within({ steps: at, type: of }, old, made),
        );
        const all = [...found, ...comparison.between(last, now)];
        expect(inWords(all)).toEqual(inWords(new StateComparison(type).between(before, after)));
        last = now;
      }
    }),
    { numRuns: 300 },
  );
});

test('what cannot be stored is refused with its path, and the next reading is whole', () => {
  const order = new Order();
  const live = new LiveState(type, 'order.state', false);
  const refusals: [(it: Order) => void, string, (it: Order) => void][] = [
    [(it) => (it.free['x'] = NaN), 'order.state.free.x is NaN', (it) => delete it.free['x']],
    [(it) => (it.free['x'] = { y: [-0] }), 'order.state.free.x.y[0] is -0', (it) => (it.free['x'] = 0)],
    [(it) => (it.free['x'] = -0), 'order.state.free.x is -0', (it) => delete it.free['x']],
    [(it) => (it.free['self'] = it.free), 'order.state.free.self', (it) => delete it.free['self']],
    [
      (it) => (it.byName as Map<unknown, unknown>).set(1, money(1)),
      'a Map with a key',
      (it) => it.byName.clear(),
    ],
    [
      (it) => Object.defineProperty(it.free, '__proto__', { value: 1, enumerable: true, configurable: true }),
      '__proto__',
      (it) => (it.free = {}),
    ],
    [(it) => (it.lines = [{ amount: new Big(1) }]), 'order.state.lines[0]', (it) => (it.lines = [])],
  ];
  live.read(order);
  for (const [spoil, said, mend] of refusals) {
    spoil(order);
    expect(() => live.read(order)).toThrow(said);
    mend(order);
    expect(live.read(order)).toEqual(encodeValue(order, 'order.state', type));
  }
});

test('a field type of somebody’s own is asked every time', () => {
  const shout = {
    kind: 'plain' as const,
    encode: (it: unknown) => String((it as { name: string }).name).toUpperCase(),
    decode: (json: Json) => json,
  };
  const live = new LiveState(objectOf({ name: shout }), 'it', false);
  const value = { name: { name: 'ann' } };
  expect(live.read(value)).toEqual({ name: 'ANN' });
  value.name.name = 'bob';
  expect(live.read(value)).toEqual({ name: 'BOB' });
});

test('of values that are never changed in place, the same object is not looked into', () => {
  const value = { a: { b: 1 } };
  const live = new LiveState(undefined, 'it', true);
  const first = live.read(value);
  value.a.b = 2;
  expect(live.read(value)).toBe(first);
  expect(live.read({ ...value, a: { b: 2 } })).toEqual({ a: { b: 2 } });
});
