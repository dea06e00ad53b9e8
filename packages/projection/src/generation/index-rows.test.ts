import { Recorder, memory, type OpenStorage } from '@backstory/core';
import type { StateTransaction } from '@backstory/core/state';
import { DomainEvent, EventTypes } from '@backstory/events';
import { projection } from '../definition/functional-projection.js';
import { Projections } from '../projections.js';
import { indexKey } from '../read/index-key.js';
import { placesOf } from './places.js';

@DomainEvent('thing.counted')
class Counted {
  constructor(readonly n: number) {}
}

const counts = projection('counts', {
  version: 1,
  indexes: ['kind', 'count'],
  initial: { count: 0 },
  events: { Counted },
  fold: { Counted: ({ count }, { n }) => ({ count: count + n }) },
});

let storage: OpenStorage;
let projections: Projections;
beforeEach(async () => {
  storage = await memory().open();
  const recorder = new Recorder(storage.events, { source: 'test' });
  const events = [new EventTypes([Counted]).encode(new Counted(5))];
  for (const n of [1, 2]) await recorder.record([{ stream: `thing-${n}`, expected: 'any', events }]);
  projections = new Projections({ ...storage, recorder });
  projections.declare(counts);
  await projections.start();
  await projections.fill('counts');
});
afterEach(async () => {
  await projections.close();
  await storage.close();
});

const index = (generation: number) => placesOf('counts').index(generation, 'count');
const missing = (generation: number) => (tx: StateTransaction) =>
  tx.delete(index(generation), indexKey(5, 'thing-1'));
const wrong = (generation: number) => async (tx: StateTransaction) => {
  await missing(generation)(tx);
  await tx.put(index(generation), indexKey(6, 'thing-1'), '');
};
const ofNothing = (generation: number) => (tx: StateTransaction) =>
  tx.put(index(generation), indexKey(5, 'thing-3'), '');
const of = (key: string, row: { readonly live?: string; readonly other?: string }) => ({
  ...{ key: `${key}, index count`, path: 'count', live: undefined, other: undefined },
  ...row,
});

it.each([
  ['is missing', missing(1), [of('thing-1', { live: 'row missing' })]],
  ['of the other one is missing', missing(2), [of('thing-1', { other: 'row missing' })]],
  ['is of no document', ofNothing(2), [of('thing-3', { other: 'row too many' })]],
  [
    'has another value',
    wrong(1),
    [of('thing-1', { live: 'row missing' }), of('thing-1', { live: 'row too many' })],
  ],
])('a row of an index that %s is a difference, and named', async (_, tamper, differences) => {
  const before = await projections.verify('counts');
  expect(before).toMatchObject({ isEqual: true, documents: 2 });
  await storage.state.transaction([], tamper);
  const after = await projections.verify('counts');
  expect(after).toMatchObject({ isEqual: false, documents: 2, different: differences.length, differences });
  expect(after.live.hash).not.toBe(after.other.hash);
  expect([before.live.hash, before.other.hash]).toEqual(
    expect.arrayContaining([differences[0]!.live === undefined ? after.live.hash : after.other.hash]),
  );
  expect(await projections.verify('counts', { limit: 0 })).toMatchObject({ isEqual: false, differences: [] });
});

it('rows of an index are compared with what the log gives as well, and hashed with what is read', async () => {
  const { hash } = await projections.content('counts');
  await storage.state.transaction([], wrong(1));
  expect(await projections.verifyWithLog('counts')).toMatchObject({
    ...{ isEqual: false, documents: 2, different: 2 },
    differences: [of('thing-1', { live: 'row missing' }), of('thing-1', { live: 'row too many' })],
  });
  expect((await projections.content('counts')).hash).not.toBe(hash);
});
