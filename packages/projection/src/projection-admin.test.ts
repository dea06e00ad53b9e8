import { Recorder, memory, type OpenStorage } from '@backstory/core';
import { DomainEvent } from '@backstory/events';
import { projection } from './definition/functional-projection.js';
import { placesOf } from './generation/places.js';
import { writeTrouble } from './generation/progress.js';
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
  ['gen', (it) => it.verifyWithLog('counts', misspelt({ gen: 2 }))],
  ['gen', (it) => it.swap('counts', misspelt({ gen: 2 }))],
  ['generation', (it) => it.swap('counts', misspelt({ generation: '2' }))],
  ['gen', (it) => it.rollback('counts', misspelt({ gen: 2 }))],
  ['gen', (it) => it.drop('counts', misspelt({ gen: 2 }))],
  ['generation', (it) => it.verify('counts', misspelt({ generation: '2' }))],
  ['actor', (it) => it.pause('counts', { actor: '' })],
  ['actor', (it) => it.pause('counts', misspelt({ actor: 7 }))],
  ['actor', (it) => it.pause('counts', misspelt({ actor: null }))],
  ['actor', (it) => it.resume('counts', { actor: 'a\nb' })],
  ['actor', (it) => it.rebuild('counts', { actor: 'x'.repeat(513) })],
  ['actor', (it) => it.fill('counts', { actor: '\ud800' })],
  ['reason', (it) => it.pause('counts', misspelt({ reason: 5 }))],
  ['reason', (it) => it.pause('counts', { reason: 'x'.repeat(2_001) })],
  ['reason', (it) => it.swap('counts', { reason: '\ud800' })],
  ['reason', (it) => it.rollback('counts', misspelt({ reason: null }))],
  ['reason', (it) => it.drop('counts', misspelt({ reason: {} }))],
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

it('a generation that there never was cannot come to be filled, which is told at once', async () => {
  const filled = projections.filled('counts', 99);
  await expect(filled).rejects.toMatchObject({ code: 'BACKSTORY_GENERATION_UNUSABLE', generation: 99 });
  await expect(filled).rejects.toThrow(/generation 99: there is none: there are 1\./);
  await expect(projections.filled('count', 1)).rejects.toMatchObject({
    code: 'BACKSTORY_PROJECTION_NOT_FOUND',
  });
});

it('one that nobody feeds is filled where only events of others were recorded since', async () => {
  const generation = await projections.rebuild('counts');
  await projections.filled('counts', generation);
  await projections.close();
  const events = [{ type: 'thing.other', data: '{}', metadata: {} }];
  const write = { stream: 'thing-1', expected: 'any', events } as const;
  await new Recorder(storage.events, { source: 'test' }).record([write]);
  const left = new Projections({ ...storage, recorder: new Recorder(storage.events, { source: 'test' }) });
  expect(await left.filled('counts', generation, { unfedMs: 0 })).toMatchObject({ generation, progress: 1 });
  await left.close();
});

it.each<[string, (it: Projections) => Promise<unknown>, object]>([
  ['paused', (it) => it.pause('counts', { actor: 'ann' }), { state: 'paused' }],
  ['rebuild', (it) => it.rebuild('counts', { actor: 'ann' }), { generations: [{}, { generation: 2 }] }],
])(
  '%s while the log is away: it is in force, and that it was not recorded is told',
  async (what, ask, left) => {
    const away = jest.spyOn(storage.events, 'append').mockRejectedValue(new Error('log is away'));
    try {
      await expect(ask(projections)).rejects.toMatchObject({
        code: 'BACKSTORY_ACTION_NOT_RECORDED',
        actor: 'ann',
        why: `not recorded on _system-projection-counts: projection.${what}: log is away`,
      });
    } finally {
      away.mockRestore();
    }
    expect(await projections.status('counts')).toMatchObject(left);
  },
);

it('once it is resumed, what it was stopped by before is told no more, also where nobody feeds it', async () => {
  await projections.close();
  const left = new Projections({ ...storage, recorder: new Recorder(storage.events, { source: 'test' }) });
  const trouble = { state: 'faulted', reason: 'unlucky', owner: 'gone', at: '' } as const;
  await storage.state.transaction([], (tx) =>
    writeTrouble(tx, placesOf('counts'), { ...trouble, generation: 1 }),
  );
  expect(await left.status('counts')).toMatchObject({ state: 'faulted', reason: 'unlucky' });
  await left.resume('counts');
  expect(await left.status('counts')).toMatchObject({ state: 'stopped' });
  await left.close();
});
