import { memory, type OpenStorage } from '@backstory/core';
import { resultsAt } from './list-results.js';
import { resultKey } from './result-rows.js';

let storage: OpenStorage;
beforeEach(async () => void (storage = await memory().open()));
afterEach(() => storage.close());

/** How many results an event has led to in the nth of its documents. */
const SIZES = [1, 0, 2, 1, 7, 3] as const;

it('what an event has led to in very many documents is asked for many at a time, and is all there, in order', async () => {
  const keys = Array.from({ length: 12_000 }, (_, n) => `d${n}`);
  const kept = keys.flatMap((key, n) => {
    const size = n === 5 ? 10_000 : SIZES[n % SIZES.length]!;
    return Array.from({ length: size }, (_, ordinal) => ({ key, position: 5, result: `${key} ${ordinal}` }));
  });
  const rows = kept.map(({ key, result }) => ({
    key: resultKey(key, 5, Number(result.split(' ')[1])),
    value: JSON.stringify(result),
  }));
  // Of another event, and of a key that begins like another one.
  const others = [resultKey('d0', 6, 1), resultKey('d0', 50, 0), resultKey('d00', 5, 0)];
  await storage.state.transaction([], (tx) =>
    tx.putMany('c', [...rows, ...others.map((key) => ({ key, value: '"other"' }))]),
  );
  let asked = 0;
  const found = await storage.state.read((view) => {
    const counting = new Proxy(view, {
      get(target, name) {
        asked++;
        return Reflect.get(target, name).bind(target);
      },
    });
    return resultsAt<string>(counting, 'c', keys, 5);
  });
  expect(found).toEqual(kept);
  expect(asked).toBeLessThan(60);
});
