import { ewma, forecast, mad, sigma, silence, threshold, trend } from './detectors.js';
import { lineThrough, median } from './robust.js';
import { judgeOf, verdictOf, type Judge, type Sample } from './verdict.js';

const series = (values: readonly number[], everyMs = 10_000): readonly Sample[] =>
  values.map((value, i) => ({ at: i * everyMs, value }));
const judged = (judge: Judge, values: readonly number[]) => verdictOf(judge, series(values))?.isBreach;
/** Around 100, never the same twice in a row. */
const usual = Array.from({ length: 30 }, (_, i) => 100 + ((i * 7) % 11) - 5);

test('an outlier is found, and what is usual is not', () => {
  for (const judge of [mad(), sigma(), ewma()]) {
    expect(judged(judge, [...usual, 101])).toBe(false);
    expect(judged(judge, [...usual, 300])).toBe(true);
    expect(judged(judge, [...usual, -100])).toBe(true);
  }
});

test('outliers hide no other from the median, as they do from the mean', () => {
  const troubled = [...usual, 400, 410, 420];
  expect(judged(mad(), [...troubled, 300])).toBe(true);
  expect(judged(sigma(), [...troubled, 300])).toBe(false);
});

test('where more than half of the values are alike the others give the scale', () => {
  const mostlyZero = [...Array.from({ length: 12 }, () => 0), 1, 0, 2, 0, 1];
  expect(judged(mad(), [...mostlyZero, 1])).toBe(false);
  expect(judged(mad(), [...mostlyZero, 40])).toBe(true);
});

test('too few values, and values without a scale, say nothing', () => {
  for (const judge of [mad(), sigma(), ewma()]) {
    expect(judged(judge, [1, 2, 3, 1_000])).toBeUndefined();
    expect(judged(judge, [...Array.from({ length: 20 }, () => 5), 6])).toBeUndefined();
    expect(judged(judge, [...Array.from({ length: 20 }, () => 5), 5])).toBe(false);
  }
  const steady = Array.from({ length: 20 }, () => 5);
  expect(judged(mad({ least: 2 }), [...steady, 6])).toBe(false);
  expect(judged(mad({ least: 2 }), [...steady, 8])).toBe(true);
  expect(judged(mad({ minimum: 3 }), [1, 2, 3, 1_000])).toBe(true);
});

test('a weighted mean follows what changes slowly', () => {
  const rising = Array.from({ length: 60 }, (_, i) => 100 + i * 3 + ((i * 7) % 11));
  expect(judged(ewma(), [...rising, 100 + 60 * 3])).toBe(false);
  expect(judged(ewma(), [...rising, 1_000])).toBe(true);
});

test('a trend is that of most values, by the second', () => {
  const rising = Array.from({ length: 12 }, (_, i) => (i === 5 ? 9_000 : i * 20));
  expect(judged(trend({ perSecond: 1 }), rising)).toBe(true);
  expect(judged(trend({ perSecond: 3 }), rising)).toBe(false);
  expect(judged(trend({ perSecond: 1, direction: 'falling' }), rising)).toBe(false);
  expect(judged(trend({ perSecond: 1 }), [0, 20, 40])).toBeUndefined();
  // Of what was before that time nothing is seen.
  const once = [...rising, ...Array.from({ length: 30 }, () => 240)];
  expect(judged(trend({ perSecond: 1, overMs: 60_000 }), once)).toBe(false);
});

test('a forecast says whether a limit is crossed within a time', () => {
  const lag = Array.from({ length: 12 }, (_, i) => i * 20);
  // 220 now, 2 a second: 1,000 in 390 s.
  expect(judged(forecast({ limit: 1_000, withinMs: 400_000 }), lag)).toBe(true);
  expect(judged(forecast({ limit: 1_000, withinMs: 380_000 }), lag)).toBe(false);
  expect(judged(forecast({ limit: 100, withinMs: 1 }), [220])).toBe(true);
  expect(judged(forecast({ limit: 1_000, withinMs: 400_000 }), lag.slice(0, 3))).toBeUndefined();
  expect(judged(forecast({ limit: 1_000, withinMs: 400_000 }), [...lag].reverse())).toBe(false);
  const room = [...lag].reverse();
  expect(judged(forecast({ limit: -10, withinMs: 10_000, from: 'above' }), room)).toBe(true);
  const { why } = verdictOf(forecast({ limit: 1_000, withinMs: 400_000 }), series(lag))!;
  expect(why).toBe('220 crosses 1000 in 390 s');
});

test('silence is known once it was listened for so long, or something came', () => {
  const judge = silence({ forMs: 30_000 });
  expect(judged(judge, [0, 0, 0])).toBeUndefined();
  expect(judged(judge, [0, 0, 0, 0])).toBe(true);
  expect(judged(judge, [0, 5, 0, 0])).toBe(false);
  expect(judged(judge, [0, 5, 0, 0, 0])).toBe(true);
});

test('limits are crossed on either side', () => {
  expect(judged(threshold({ min: 1, max: 5 }), [0])).toBe(true);
  expect(judged(threshold({ min: 1, max: 5 }), [6])).toBe(true);
  expect(judged(threshold({ min: 1, max: 5 }), [5])).toBe(false);
  expect(() => threshold({})).not.toThrow();
  expect(() => threshold({ min: 5, max: 1 })).toThrow('min');
});

test('rules are broken above, below or at a number, or where a function says so', () => {
  expect(judged(judgeOf({ gt: 5 }), [5])).toBe(false);
  expect(judged(judgeOf({ gt: 5 }), [5.1])).toBe(true);
  expect(judged(judgeOf({ lt: 5 }), [4.9])).toBe(true);
  expect(judged(judgeOf({ lt: 5 }), [5])).toBe(false);
  expect(judged(judgeOf({ eq: 1 }), [1])).toBe(true);
  expect(judged(judgeOf({ eq: 1 }), [0])).toBe(false);
  expect(
    judged(
      judgeOf((value, { length }) => value > 1 && length > 1),
      [2, 2],
    ),
  ).toBe(true);
});

test('the line through values is that of most of them', () => {
  const samples = series(Array.from({ length: 20 }, (_, i) => (i % 5 === 0 ? 1e6 : 5 + i)));
  const line = lineThrough(samples)!;
  expect(line.slope).toBeCloseTo(0.1, 9);
  expect(line.at(100_000)).toBeCloseTo(15, 9);
  expect(lineThrough(series([1, 2], 0))).toBeUndefined();
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
});
