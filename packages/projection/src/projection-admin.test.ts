import { Recorder, memory, type OpenStorage } from '@backstory/core';
import { DomainEvent } from '@backstory/events';
import { projection } from './definition/functional-projection.js';
import { Projections } from './projections.js';
import { sqlProjection } from './tables/sql-projection.js';

@DomainEvent('thing.counted')
class Counted {}

let storage: OpenStorage;
let projections: Projections;
beforeEach(async () => {
  storage = await memory().open();
  const recorder = new Recorder(storage.events, { source: 'test' });
  projections = new Projections({ ...storage, recorder });
  projections.declare(
    projection('counts', {
      version: 1,
      initial: { count: 0 },
      events: { Counted },
      fold: { Counted: ({ count }) => ({ count: count + 1 }) },
    }),
  );
  await projections.start();
});
afterEach(async () => {
  await projections.close();
  await storage.close();
});

/** As it comes in a variable, or from JavaScript: the compiler lets it pass. */
const misspelt = (options: object) => options as never;
const asked: readonly [string, (them: Projections) => Promise<unknown>][] = [
  ['eventsPerSec', (it) => it.rebuild('counts', misspelt({ eventsPerSec: 5 }))],
  ['eventsPerSec', (it) => it.fill('counts', misspelt({ eventsPerSec: 5 }))],
  ['onProgres', (it) => it.fill('counts', misspelt({ onProgres: () => undefined }))],
  ['timeout', (it) => it.caughtUp('counts', 0, misspelt({ timeout: 5 }))],
  ['every', (it) => it.filled('counts', 1, misspelt({ every: 5 }))],
  ['everyMs', (it) => it.filled('counts', 1, { everyMs: -5 })],
  ['unfedMs', (it) => it.filled('counts', 1, { unfedMs: NaN })],
  ['by', (it) => it.pause('counts', misspelt({ by: 'ann' }))],
  ['why', (it) => it.resume('counts', misspelt({ why: 'over' }))],
  ['gen', (it) => it.verify('counts', misspelt({ gen: 2 }))],
  ['generation', (it) => it.verifyWithLog('counts', misspelt({ generation: 2 }))],
  ['gen', (it) => it.swap('counts', misspelt({ gen: 2 }))],
  ['generation', (it) => it.swap('counts', misspelt({ generation: '2' }))],
  ['gen', (it) => it.rollback('counts', misspelt({ gen: 2 }))],
  ['gen', (it) => it.drop('counts', misspelt({ gen: 2 }))],
];

it.each(asked)('an option that is none, or not what it may be, is refused: %s', async (option, ask) => {
  const error = expect.objectContaining({ code: 'BACKSTORY_INVALID_OPTION', option }) as Error;
  await expect(ask(projections)).rejects.toEqual(error);
  expect((await projections.status('counts')).generations).toHaveLength(1);
  expect((await projections.status('counts')).state).toBe('live');
});

it('what is no part of a table is refused', () => {
  const days = { columns: { day: 'text' }, key: ['day'], index: [['day']] };
  const options = { version: 1, tables: { days }, events: { Counted }, handle: { Counted: async () => {} } };
  expect(() => projections.declare(sqlProjection('days', misspelt(options)))).toThrow(
    /has index in days, which is none of columns, key, indexes/,
  );
});

it.each([[undefined], ['2020-01-01'], [new Date(NaN)], [null]])('as of %s is refused', (when) => {
  const documents = projections.named('counts');
  const refused = expect.objectContaining({ code: 'BACKSTORY_INVALID_OPTION', option: 'when' }) as Error;
  expect(() => documents.asOf(when as never)).toThrow(refused);
});
