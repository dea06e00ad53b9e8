import type { LogPage, OpenStorage } from '@backstory/core';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { anEvent, record } from '../../../test/support/sqlite-files.js';
import { postgres } from './postgres.js';

const MiB = 2 ** 20;
const SIZES = [0.9, 0.9, 5, 5, 0.1, 9, 0.1, 0.9, 0.9, 0.9, 6, 0.9, 0.9, 0.9].map((size) => size * MiB);

let server: PostgresServer;
let storage: OpenStorage;
beforeAll(async () => {
  server = await startPostgres();
  storage = await postgres(await server.createDatabase(), { maxEventBytes: 10 * MiB }).open();
  for (const size of SIZES)
    await record(storage.events, 'a-1', { ...anEvent(), data: JSON.stringify('x'.repeat(size)) });
});
afterAll(async () => {
  await storage?.close();
  await server?.stop();
});

const READS: Readonly<Record<string, (backwards: boolean) => AsyncIterable<LogPage>>> = {
  'the log': (backwards) => storage.events.readAll({ backwards }),
  'the log by type': (backwards) => storage.events.readAll({ backwards, types: ['happened'] }),
  'a stream': (backwards) => storage.events.readStream('a-1', { backwards }),
};

describe.each([false, true])('backwards: %s', (backwards) => {
  test.each(Object.entries(READS))(
    'pages of %s end before they hold 8 MiB, and leave nothing out',
    async (_, read) => {
      const versions: number[] = [];
      for await (const { events } of read(backwards)) {
        const bytes = events.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 0);
        if (events.length > 1) expect(bytes).toBeLessThanOrEqual(8 * MiB);
        versions.push(...events.map(({ version }) => version));
      }
      const all = SIZES.map((_, i) => i + 1);
      expect(versions).toEqual(backwards ? all.reverse() : all);
    },
  );
});

test('what filters leave out counts for nothing', async () => {
  await record(storage.events, 'b-1', anEvent('small'), anEvent('small'));
  const pages: LogPage[] = [];
  for await (const page of storage.events.readAll({ streams: ['a-1', 'b-1'], types: ['small'] }))
    pages.push(page);
  expect(pages.map(({ events }) => events.length)).toEqual([2]);
});

test('large events that lie far apart are not gathered on one page', async () => {
  for (let part = 0; part < 4; part++) {
    await record(storage.events, 'far-1', { ...anEvent(), data: JSON.stringify('x'.repeat(5 * MiB)) });
    for (let i = 0; i < 6; i++)
      await record(storage.events, 'between-1', ...Array.from({ length: 1_000 }, () => anEvent()));
  }
  const sizes: number[] = [];
  for await (const { events } of storage.events.readAll({
    types: ['happened'],
    categories: ['far'],
    pageSize: 50,
  }))
    if (events.length > 0) sizes.push(events.length);
  expect(sizes).toEqual([1, 1, 1, 1]);
});
