import { pathToFileURL } from 'node:url';
import type { LogQuery } from '@backstory/core';
import { anEvent, eventsOf, record, sqliteFiles } from '../../../test/support/sqlite-files.js';
import { availableDrivers, driverFor } from './choose-driver.js';
import type { Driver } from './driver.js';
import { openStorage } from './sqlite.js';

const files = sqliteFiles();
const time = new Date(0);

const queries: readonly LogQuery[] = [
  {},
  { after: 3, upTo: 9 },
  { types: ['t1'] },
  { types: ['t1', 't2'] },
  { categories: ['a'] },
  { categories: ['a', 'b'] },
  { streams: ['a-1'] },
  { streams: ['a-1', 'b-1'], after: 3 },
  { ids: ['one', 'two'] },
  { correlationIds: ['c'] },
  { causationIds: ['c'] },
  { causationIds: ['c', 'd'] },
  { correlationIds: ['c', 'd'] },
  { recordedFrom: time, recordedUpTo: new Date(2 ** 45) },
  { types: ['t1'], categories: ['a', 'b'] },
  { types: ['t1', 't2'], streams: ['a-1', 'b-1'], correlationIds: ['c'], causationIds: ['c'], ids: ['one'] },
  { correlationIds: ['c'], causationIds: ['c'] },
  { types: ['t1', 't2'], categories: ['a', 'b'], recordedFrom: time, includeSystem: true },
];

describe.each(availableDrivers())('with %s', (name) => {
  it.each(queries.flatMap((query) => [query, { ...query, backwards: true }]))(
    'an index answers %j',
    async (query) => {
      const { storage, plans } = await watched();
      await eventsOf(storage.events, query);
      expect(wasteful(plans())).toEqual([]);
    },
  );

  it('an index answers appends, reads of streams, listings, identity and state', async () => {
    const { storage, plans } = await watched();
    const slice = { recordedUpTo: new Date(2 ** 45), upToPosition: 7 };
    for await (const _ of storage.events.readStream('a-1', slice)) void _;
    await storage.events.readShortStreams!([{ stream: 'a-1', version: 1 }]);
    for await (const _ of storage.events.listStreams({ categories: ['a'] })) void _;
    await record(storage.events, 'a-1', anEvent());
    await storage.state.transaction([{ name: 'l', token: 1 }], async () => 1).catch(() => undefined);
    await storage.state.transaction([], async (state) => {
      await state.put('c', 'k', 'v');
      await state.getMany('c', ['k', 'l']);
      await state.list('c', { prefix: 'k', after: 'j' });
      await state.count('c');
      await state.delete('c', 'k');
      await state.clear('c');
    });
    await storage.state.leases('l');
    expect(wasteful(plans())).toEqual([]);
  });

  it('the plans show a scan, a sort and a search of the log where there is one', async () => {
    const { explain } = await watched();
    expect(wasteful(explain('SELECT * FROM events ORDER BY data'))).toHaveLength(2);
    const unindexed = 'SELECT * FROM events WHERE +type = ? AND position > ? ORDER BY position LIMIT ?';
    expect(wasteful(explain(unindexed).map((plan) => plan.replace('+', '')))).toHaveLength(1);
  });

  /** A store with some events, and the plans of all that it has asked since it was opened. */
  async function watched() {
    const file = files.newFile();
    const driver = await driverFor(name, 'test');
    const asked = new Set<string>();
    const storage = await files.opened(openStorage(listening(driver, asked), file, {}));
    for (let i = 0; i < 10; i++)
      await record(storage.events, `${'ab'[i % 2]}-${i % 3}`, anEvent(`t${i % 4}`));
    await record(storage.events, 'a-1', anEvent('t1', { correlationId: 'c', causationId: 'c', id: 'one' }));
    asked.clear();
    const connection = driver.open(pathToFileURL(file).href);
    const explain = (sql: string): string[] => {
      const blanks = Array.from(sql.matchAll(/\?/g), () => null);
      return connection
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(blanks)
        .map((row) => `${row[3] as string}: ${sql}`);
    };
    return { storage, explain, plans: () => [...asked].flatMap(explain) };
  }
});

function listening(driver: Driver, asked: Set<string>): Driver {
  return {
    ...driver,
    open: (uri) => {
      const connection = driver.open(uri);
      return {
        ...connection,
        prepare(sql) {
          const { run, all, objects } = connection.prepare(sql);
          const isAsked = () => /^(SELECT|INSERT|UPDATE|DELETE)/.test(sql) && asked.add(sql);
          return {
            objects,
            run: (params) => (isAsked(), run(params)),
            all: (params) => (isAsked(), all(params)),
          };
        },
      };
    },
  };
}

/**
 * Reading a whole table; sorting what was found, whose size nobody knows; or looking for the value of a column in anything
 * but an index of that column, such as the part of the log after a position.
 */
function wasteful(plans: readonly string[]): string[] {
  expect(plans.length).toBeGreaterThan(0);
  return plans.filter((plan) => {
    const [column] =
      /(?<=WHERE )(stream|type|category|id|correlation_id|causation_id)(?= (=|IN))/.exec(plan) ?? [];
    const elsewhere =
      plan.startsWith('SEARCH events') && column !== undefined && !plan.includes(`(${column}=?`);
    return elsewhere || /^(SCAN (events|state|leases)|USE TEMP B-TREE)/.test(plan);
  });
}
