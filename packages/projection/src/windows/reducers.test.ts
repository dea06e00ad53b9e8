import fc from 'fast-check';
import type { Json } from '@backstory/events';
import { distinct } from './distinct.js';
import { average, count, max, min, sum } from './number-reducers.js';
import { percentiles } from './percentiles.js';
import type { Reducer } from './reducer.js';
import { mostFrequent, top } from './top.js';

const stored = (held: Json) => JSON.parse(JSON.stringify(held)) as Json;

/** What a reducer gives of values, each time from what was stored; apart and put together, where `at` says. */
function reduced<Value, Result>(
  of: Reducer<Value, Result>,
  values: readonly Value[],
  at = values.length,
): Result {
  const part = (own: readonly Value[]) =>
    own.reduce((held, value) => of.add(stored(held), value), of.begin());
  const held =
    at < values.length
      ? of.merge!(stored(part(values.slice(0, at))), stored(part(values.slice(at))))
      : part(values);
  return of.result(stored(held));
}

const numbers = fc.array(fc.option(fc.integer({ min: -1_000, max: 1_000 }), { nil: undefined, freq: 4 }), {
  maxLength: 50,
});
/** In thousandths of a percent, for whole numbers are exact. */
const rankOf = (point: number, count: number) => Math.ceil((Math.round(point * 1_000) * count) / 100_000);
const nearestRank = (sorted: readonly number[], point: number) =>
  sorted[Math.max(0, rankOf(point, sorted.length) - 1)] ?? null;

it('numbers are counted, added, averaged, compared and ranked, those that are missing are skipped, also in parts', () => {
  fc.assert(
    fc.property(numbers, fc.nat(50), (values, at) => {
      const of = (value: { n: number | undefined }) => value.n;
      const given = values.map((n) => ({ n }));
      const there = values.filter((it) => it !== undefined);
      const total = there.reduce((a, b) => a + b, 0);
      const sorted = [...there].sort((a, b) => a - b);
      const results = {
        count: reduced(count(), given, at),
        sum: reduced(sum(of), given, at),
        average: reduced(average(of), given, at),
        min: reduced(min(of), given, at),
        max: reduced(max(of), given, at),
        ranks: reduced(percentiles([0, 50, 99.9, 100], of), given, at),
        top: reduced(top(3, of), given as { n: number }[], at).map(({ n }) => n),
      };
      expect(results).toEqual({
        count: values.length,
        sum: total,
        average: there.length === 0 ? null : total / there.length,
        min: sorted[0] ?? null,
        max: sorted.at(-1) ?? null,
        ranks: Object.fromEntries([0, 50, 99.9, 100].map((it) => [`p${it}`, nearestRank(sorted, it)])),
        top: sorted.slice(-3).reverse(),
      });
    }),
  );
});

it('of equal ones the earlier is before the later', () => {
  const given = [
    ['a', 1],
    ['b', 2],
    ['c', 2],
    ['d', 1],
  ] as [string, number][];
  for (const at of [4, 2])
    expect(
      reduced(
        top(3, ([, n]) => n),
        given,
        at,
      ),
    ).toEqual([
      ['b', 2],
      ['c', 2],
      ['a', 1],
    ]);
});

it.each([NaN, Infinity, 'x', {}])('%p is no number, and no window takes it for one', (value) => {
  expect(() =>
    reduced(
      sum(() => value as number),
      [0],
    ),
  ).toThrow(/which is no number/);
});

it.each([undefined, 'name', 1_000])('%p does not say what of a value is told apart or counted', (of) => {
  expect(() => distinct(of as never)).toThrow(/needs a function of the value/);
  expect(() => mostFrequent(3, of as never)).toThrow(/needs a function of the value/);
});

it.each([{ id: 1 }, [1], 1n, Promise.resolve('a')])('%p is no label, and is not taken for one', (label) => {
  for (const each of [distinct(() => label as never), mostFrequent(3, () => label as never)] as const)
    expect(() => reduced<number, unknown>(each, [0])).toThrow(/was given (object|bigint), which is no text/);
});

it('a minus zero is zero, for there is no JSON of it', () => {
  expect(
    Object.is(
      reduced(
        max((value: number) => -value),
        [0],
      ),
      0,
    ),
  ).toBe(true);
});

it('percentiles of up to 1,000 values are of the nearest rank, whatever binary fractions make of it', () => {
  const points = Array.from({ length: 1_001 }, (_, i) => i / 10);
  const of = percentiles(points);
  for (const length of [1, 7, 100, 999, 1_000]) {
    const sorted = Array.from({ length }, (_, i) => i + 1);
    const ranks = of.result(sorted.reduce((held, it) => of.add(held, it), of.begin()));
    const expected = points.map((point) => [`p${point}`, nearestRank(sorted, point)]);
    expect(ranks).toEqual(Object.fromEntries(expected));
  }
});

const POINTS = [0, 0.1, 1, 25, 50, 75, 90, 95, 99, 99.9, 99.999, 100];

/** How far what percentiles give of values is from the nearest rank of them all, as a share of it: the furthest of all points. */
function furthest(values: readonly number[], at = values.length): number {
  const of = percentiles(POINTS);
  const part = (own: readonly number[]) => own.reduce((held, it) => of.add(held, it), of.begin());
  const result = of.result(of.merge!(part(values.slice(0, at)), part(values.slice(at))));
  const sorted = [...values].sort((a, b) => a - b);
  const distances = POINTS.map((point) => {
    const [given, ranked] = [result[`p${point}`]!, nearestRank(sorted, point)!];
    return given === ranked ? 0 : Math.abs(given / ranked - 1);
  });
  return Math.max(...distances);
}

it('percentiles of many are within 1 % of the nearest rank, also in parts', () => {
  const value = fc.oneof(
    fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    fc.double({ min: 1e-6, max: 1, noNaN: true }),
    fc.constantFrom(0, 1, -1, 1_000),
  );
  fc.assert(
    fc.property(fc.array(value, { minLength: 1_001, maxLength: 3_000 }), fc.nat(3_000), (values, at) => {
      // The values lie closer together than 10¹⁷ to 1: no counters of theirs become one.
      const apart = values.map((it) => (Math.abs(it) < 1e-6 ? 0 : it));
      expect(furthest(apart, at)).toBeLessThanOrEqual(0.010001);
    }),
    { numRuns: 10 },
  );
});

it('the rank is not off by one, however many there are', () => {
  for (const count of [1, 2, 99, 1_000, 1_001, 1_003, 1_010, 1_999, 2_050, 5_001])
    for (const point of POINTS)
      for (const least of [rankOf(point, count) - 1, rankOf(point, count), rankOf(point, count) + 1]) {
        const values = Array.from({ length: count }, (_, i) => (i < least ? 1 : 1_000));
        expect({ count, point, least, isNear: furthest(values) < 0.0101 }).toMatchObject({ isNear: true });
      }
});

it('percentiles of the greatest and the least numbers that there are', () => {
  const ends = [Number.MAX_VALUE, 1.79e308, 1.77e308, Number.MIN_VALUE, 1e-310];
  for (const end of ends)
    for (const value of [end, -end])
      expect(furthest(Array.from({ length: 1_001 }, () => value))).toBeLessThan(0.010001);
});

it('however far apart the values are, at most 2,048 counters are kept of a sign, and the greatest stay exact', () => {
  const of = percentiles([99, 100]);
  const values = Array.from({ length: 5_000 }, (_, i) => 10 ** (i / 25 - 100));
  const held = values.reduce((all, it) => of.add(all, it), of.begin()) as { positive: object };
  expect(Object.keys(held.positive)).toHaveLength(2_048);
  const { p99, p100 } = of.result(held as never);
  expect(Math.abs(p99! / values[4_949]! - 1)).toBeLessThan(0.011);
  expect(Math.abs(p100! / values[4_999]! - 1)).toBeLessThan(0.011);
});

it('what is different is counted up to the limit, and estimated beyond it, in whichever order and parts', () => {
  const names = fc.array(fc.option(fc.string({ maxLength: 2 }), { nil: undefined }), { maxLength: 200 });
  fc.assert(
    fc.property(names, fc.nat(200), (values, at) => {
      const different = new Set(values.filter((it) => it !== undefined)).size;
      const found = reduced(
        distinct((it: string | undefined) => it, { limit: 50 }),
        values,
        at,
      );
      expect(found.isExact).toBe(different <= 50);
      if (found.isExact) expect(found.count).toBe(different);
      else
        expect(found).toEqual(
          reduced(
            distinct((it: string | undefined) => it, { limit: 50 }),
            values.toReversed(),
          ),
        );
    }),
  );
  const of = distinct((it: number) => it);
  const held = Array.from({ length: 20_000 }, (_, i) => i).reduce((all, it) => of.add(all, it), of.begin());
  // Five standard errors of 1/√1,000; the hashes are always the same.
  expect(Math.abs(of.result(held).count / 20_000 - 1)).toBeLessThan(0.16);
  expect((held as string[]).length).toBe(1_001);
});

it('the most frequent are exact while all fit, and beyond that each says its error', () => {
  const labels = fc.array(fc.constantFrom('a', 'b', '7', '__proto__', 'e', 'f', 'g'), { maxLength: 100 });
  fc.assert(
    fc.property(labels, fc.nat(100), fc.integer({ min: 2, max: 8 }), (values, at, limit) => {
      const often = new Map<string, number>();
      for (const it of values) often.set(it, (often.get(it) ?? 0) + 1);
      const found = reduced(
        mostFrequent(2, (it: string) => it, { limit }),
        values,
        at,
      );
      const ranked = [...often].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, 2);
      if (often.size <= limit)
        expect(found).toEqual(ranked.map(([value, times]) => ({ value, count: times, error: 0 })));
      for (const { value, count: most, error } of found) {
        expect(most).toBeGreaterThanOrEqual(often.get(value) ?? 0);
        expect(most - error).toBeLessThanOrEqual(often.get(value) ?? 0);
      }
    }),
  );
});

it('what is most frequent says how exact it is also of parts put together again and again', () => {
  const text = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  fc.assert(
    fc.property(
      fc.array(fc.array(text, { maxLength: 12 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 5 }),
      (parts, limit) => {
        const of = mostFrequent(limit, (it: string) => it, { limit });
        const fold = (own: readonly string[]) =>
          own.reduce((held, it) => of.add(stored(held), it), of.begin());
        const held = parts.reduce((all, part) => of.merge!(stored(all), stored(fold(part))), of.begin());
        const times = (value: string) => parts.flat().filter((it) => it === value).length;
        const found = of.result(held);
        for (const { value, count: most, error } of found) {
          expect(most).toBeGreaterThanOrEqual(times(value));
          expect(most - error).toBeLessThanOrEqual(times(value));
        }
        const least = found.length < limit ? 0 : found.at(-1)!.count;
        for (const value of 'abcdef')
          if (!found.some((it) => it.value === value)) expect(times(value)).toBeLessThanOrEqual(least);
      },
    ),
  );
});

it('frequency may be weighed, and no weight is less than nothing', () => {
  const of = (weight: (it: { n: number }) => number) =>
    mostFrequent(1, (it: { who: string; n: number }) => it.who, { weight });
  const given = [
    { who: 'ann', n: 5 },
    { who: 'bob', n: 2 },
    { who: 'bob', n: 2 },
  ];
  expect(
    reduced(
      of(({ n }) => n),
      given,
    ),
  ).toEqual([{ value: 'ann', count: 5, error: 0 }]);
  expect(() =>
    reduced(
      of(({ n }) => -n),
      given,
    ),
  ).toThrow(/less than 0/);
});
