import { memory, type OpenStorage } from '@backstory/core';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { projectionsOn } from '../../../../test/support/projecting.js';
import { projection } from '../definition/functional-projection.js';
import type { Projections } from '../projections.js';

let isBroken: boolean;
const told = projection('told', {
  version: 1,
  initial: { count: 0 },
  events: { Deposited },
  fold: {
    Deposited: ({ count }, { amount }, _recorded, _key, emit) => {
      emit({ amount, isBroken });
      if (isBroken && amount === 3) throw new Error('three');
      return { count: count + 1 };
    },
  },
});

/** Emits what is given, for each event. */
let emitted: unknown[];
const given = projection('given', {
  version: 1,
  initial: { count: 0 },
  events: { Deposited },
  fold: {
    Deposited: ({ count }, _event, _recorded, _key, emit) => {
      for (const it of emitted) emit(it);
      return { count: count + 1 };
    },
  },
});

let opened: OpenStorage;
let projections: Projections;
beforeEach(async () => {
  opened = await memory().open();
  projections = projectionsOn(opened, [told, given]);
});
afterEach(async () => {
  await projections.close();
  await opened.close();
});

it('results are read in pages that never end within those of one event', async () => {
  emitted = ['a', 'b', 'c'];
  await recording(opened.events)('1', new Deposited(1), new Deposited(2));
  await projections.start();
  await projections.caughtUp('given', 2);
  const page = async (query: object) =>
    (await projections.named('given').results('account-1', query)).map(
      ({ position, result }) => `${position}${String(result)}`,
    );
  expect(await page({ limit: 1 })).toEqual(['1a', '1b', '1c']);
  expect(await page({ limit: 3 })).toEqual(['1a', '1b', '1c']);
  expect(await page({ limit: 4 })).toEqual(['1a', '1b', '1c', '2a', '2b', '2c']);
  expect(await page({ limit: 1, after: 1 })).toEqual(['2a', '2b', '2c']);
  expect(await page({ limit: 2, backwards: true })).toEqual(['2c', '2b', '2a']);
  expect(await page({ limit: 2, backwards: true, upTo: 1 })).toEqual(['1c', '1b', '1a']);
});

it('what a fold has emitted before it fails is not kept, and what those before it have is, once', async () => {
  isBroken = true;
  await recording(opened.events)('1', new Deposited(1), new Deposited(2), new Deposited(3));
  await projections.start();
  await eventually(async () => (await projections.status('told')).state === 'faulted');
  const results = async () =>
    (await projections.named('told').results('account-1')).map(({ position, result }) => [position, result]);
  const before = [1, 2].map((n) => [n, { amount: n, isBroken: true }]);
  expect(await results()).toEqual(before);
  isBroken = false;
  await projections.resume('told');
  await projections.caughtUp('told', 3);
  expect(await results()).toEqual([...before, [3, { amount: 3, isBroken: false }]]);
});

it.each<[string, unknown[], RegExp]>([
  ['that cannot be stored', [{ when: () => 1 }], /a result of given/],
  ['beyond the most that an event may lead to', new Array(10_001).fill(1), /more than 10000 results/],
])('a result %s fails the fold as of another time as it does live', async (_what, results, why) => {
  emitted = results;
  await recording(opened.events)('1', new Deposited(1));
  await projections.start();
  const { reason } = await eventually(async () => {
    const now = await projections.status('given');
    return now.state === 'faulted' && now;
  });
  expect(reason).toMatch(why);
  const asOf = projections.named('given').asOf(1);
  await expect(asOf.get('account-1')).rejects.toThrow(reason);
  await expect(asOf.history('account-1').next()).rejects.toThrow(reason);
});
