import * as fc from 'fast-check';
import { formatPath } from './path.js';

test('no two places share a path', () => {
  expect(formatPath(['lines', 2, 'sku'])).toBe('lines[2].sku');
  expect(formatPath(['a.b', 'c'])).toBe('["a.b"].c');
  expect(formatPath(['a', '2'])).toBe('a["2"]');
  expect(formatPath(['', 'x"]', 0])).toBe('[""]["x\\"]"][0]');
  const step = fc.oneof(fc.string(), fc.constantFrom('a', '.', '[0]', '"', 'a.b', '0'), fc.nat(3));
  const path = fc.array(step, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(path, path, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      return (formatPath(one) === formatPath(other)) === same;
    }),
  );
});

test('a root begins the path, and stands alone for the value itself', () => {
  expect(formatPath(['lines', 2], 'account.opened')).toBe('account.opened.lines[2]');
  expect(formatPath([], 'account.opened')).toBe('account.opened');
  expect(formatPath([])).toBe('');
});
