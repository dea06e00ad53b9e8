import fc from 'fast-check';
import type { Json } from '@backstory/events';
import { changesBetween } from './changes.js';

test('a changed, an added and a removed member each name their path and only the sides they have', () => {
  const before = { kept: 1, changed: 'a', gone: [1], deep: { list: [{ sku: 'pen' }] } };
  const after = { kept: 1, changed: null, deep: { list: [{ sku: 'ink' }, 2] }, come: {} };
  expect(changesBetween(before, after)).toEqual([
    { path: 'changed', before: 'a', after: null },
    { path: 'gone', before: [1] },
    { path: 'deep.list[0].sku', before: 'pen', after: 'ink' },
    { path: 'deep.list[1]', after: 2 },
    { path: 'come', after: {} },
  ]);
  expect(Object.keys(changesBetween({}, { come: 1 })[0]!)).toEqual(['path', 'after']);
});

test('nothing is different between equal values, whatever the order of their keys', () => {
  expect(changesBetween({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 })).toEqual([]);
});

test('names that every object inherits are ordinary keys', () => {
  expect(changesBetween({ toString: 1, constructor: { name: 'x' } }, {})).toEqual([
    { path: 'toString', before: 1 },
    { path: 'constructor', before: { name: 'x' } },
  ]);
  expect(changesBetween({ a: {} }, { a: { valueOf: 2 } })).toEqual([{ path: 'a.valueOf', after: 2 }]);
});

test('a value that becomes another kind is one change, at the root with an empty path', () => {
  expect(changesBetween({ a: [] }, { a: {} })).toEqual([{ path: 'a', before: [], after: {} }]);
  expect(changesBetween({ a: null }, { a: { b: 1 } })).toEqual([
    { path: 'a', before: null, after: { b: 1 } },
  ]);
  expect(changesBetween([], {})).toEqual([{ path: '', before: [], after: {} }]);
  expect(changesBetween(1, 2)).toEqual([{ path: '', before: 1, after: 2 }]);
  expect(changesBetween(null, null)).toEqual([]);
});

test('applying the changes to the earlier value gives the later one', () => {
  const value = fc.jsonValue({ maxDepth: 3 }).filter((it) => !JSON.stringify(it).includes('__proto__'));
  fc.assert(
    fc.property(value, value, (one, other) => {
      const before = normal(one as Json);
      const after = normal(other as Json);
      const changes = changesBetween(before, after);
      expect(changes.length === 0).toBe(canonical(before) === canonical(after));
      for (const { path, before: old, after: young } of changes) {
        if (old !== undefined) expect(canonical(at(before, path))).toBe(canonical(old));
        expect(canonical(at(after, path))).toBe(canonical(young));
      }
    }),
  );
});

/** -0 is no JSON. */
function normal(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, it: unknown) =>
    typeof it === 'object' && it !== null && !Array.isArray(it)
      ? Object.fromEntries(Object.entries(it).sort(([a], [b]) => (a < b ? -1 : 1)))
      : it,
  );
}

/** What stands at a path, read in the way it is written. */
function at(value: unknown, path: string): unknown {
  const steps = [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\.?([^.[\]]+)/g)];
  return steps.reduce<unknown>((it, [, quoted, index, plain]) => {
    const key = quoted === undefined ? (index ?? plain!) : (JSON.parse(`"${quoted}"`) as string);
    if (typeof it !== 'object' || it === null || !Object.hasOwn(it, key)) return undefined;
    return (it as Record<string, unknown>)[key];
  }, value);
}
