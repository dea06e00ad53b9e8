import { categoryOf, type LogQuery, type OpenStorage, type StoredEvent } from '@backstory/core';
import { anEvent, eventsOf, record, sqliteFiles } from '../../../test/support/sqlite-files.js';
import { availableDrivers } from './choose-driver.js';
import { sqlite } from './sqlite.js';

const files = sqliteFiles();

describe.each(availableDrivers())('with %s', (driver) => {
  /** Runs of events of one type and stream, some long, so that filters agree for a while and then part. */
  async function aLog(): Promise<{ readonly storage: OpenStorage; readonly log: readonly StoredEvent[] }> {
    const storage = await files.opened(sqlite(files.newFile(), { driver }).open());
    const runs = [80, 80, 3, 1, 40, 1, 120, 2, 60, 1, 1, 90];
    for (const [i, length] of runs.entries()) {
      const run = Array.from({ length }, (_, n) => anEvent(`t${i % 3}`, { correlationId: `c${n % 4}` }));
      await record(storage.events, `${'ab'[i % 2]}-${i % 5}`, ...run);
    }
    return { storage, log: await eventsOf(storage.events) };
  }

  it.each<[LogQuery, (event: StoredEvent) => boolean]>([
    [{ types: ['t0', 't1'] }, ({ type }) => type !== 't2'],
    [{ types: ['t2', 't1', 'never'] }, ({ type }) => type !== 't0'],
    [{ categories: ['a', 'b'] }, () => true],
    [{ streams: ['a-0', 'b-1', 'b-3'] }, ({ stream }) => ['a-0', 'b-1', 'b-3'].includes(stream)],
    [{ streams: ['a-2'] }, ({ stream }) => stream === 'a-2'],
    [{ types: ['t0', 't1'], categories: ['b'] }, (it) => it.type !== 't2' && categoryOf(it.stream) === 'b'],
    [
      { streams: ['a-0', 'b-1'], types: ['t1'] },
      (it) => ['a-0', 'b-1'].includes(it.stream) && it.type === 't1',
    ],
    [
      { correlationIds: ['c1'], types: ['t0', 't2'] },
      (it) => it.type !== 't1' && it.metadata.includes('"c1"'),
    ],
  ])(
    '%j gives what it lets through, in log order, from anywhere, in pages of any size',
    async (query, lets) => {
      const { storage, log } = await aLog();
      for (const pageSize of [1, 7, 100, 500]) {
        for (const [after, upTo] of [
          [0, 1e9],
          [79, 400],
          [160, 161],
          [200, 478],
          [479, 1e9],
        ] as const) {
          const expected = log.filter((it) => it.position > after && it.position <= upTo && lets(it));
          const bounds = { ...query, after, upTo, pageSize };
          expect(await eventsOf(storage.events, bounds)).toEqual(expected);
          expect(await eventsOf(storage.events, { ...bounds, backwards: true })).toEqual(expected.reverse());
        }
      }
    },
  );

  it('ids are found wherever they are, in log order', async () => {
    const { storage, log } = await aLog();
    const some = [log[300]!, log[4]!, log[90]!];
    const ids = ['unknown', ...some.map(({ id }) => id)];
    expect(await eventsOf(storage.events, { ids })).toEqual([some[1], some[2], some[0]]);
    expect(await eventsOf(storage.events, { ids, after: 10, types: [some[0]!.type] })).toEqual(
      [some[2], some[0]].filter((it) => it!.type === some[0]!.type),
    );
  });
});
