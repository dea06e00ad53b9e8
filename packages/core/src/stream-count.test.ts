import { StreamCount } from './stream-count.js';

test('streams are counted a portion at a time, once, and what is new is added', async () => {
  const asked: (readonly [number, number])[] = [];
  const count = new StreamCount(async (after, upTo) => {
    asked.push([after, upTo]);
    return 1;
  });
  expect(await Promise.all([count.upTo(25_000), count.upTo(25_000)])).toEqual([3, 3]);
  expect(await count.upTo(25_000)).toBe(3);
  expect(await count.upTo(25_001)).toBe(4);
  expect(asked).toEqual([
    [0, 10_000],
    [10_000, 20_000],
    [20_000, 25_000],
    [25_000, 25_001],
  ]);
});

test('what could not be counted is counted by the next look; another log from its beginning', async () => {
  let isThere = false;
  const count = new StreamCount(async (after, upTo) => {
    if (!isThere && after > 0) throw new Error('gone');
    return upTo - after;
  });
  await expect(count.upTo(15_000)).rejects.toThrow('gone');
  isThere = true;
  expect(await count.upTo(15_000)).toBe(15_000);
  expect(await count.upTo(7)).toBe(7);
});
