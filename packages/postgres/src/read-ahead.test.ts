import type { EventStore, LogPage } from '@backstory/core';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { anEvent, record } from '../../../test/support/sqlite-files.js';
import { postgres } from './postgres.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());
afterEach(() => jest.restoreAllMocks());

const ways: [string, (from: EventStore, pageSize: number) => AsyncIterable<LogPage>][] = [
  ['the log', (from, pageSize) => from.readAll({ pageSize })],
  ['a stream', (from, pageSize) => from.readStream('a-1', { pageSize })],
];

describe.each(ways)('of %s', (_, read) => {
  test.each([
    { size: 2, firstAhead: false },
    { size: 100, firstAhead: true },
  ])(
    'the page after the next is asked for before somebody works on the next, who may give nobody else a turn: pages of $size',
    async ({ size, firstAhead }) => {
      const storage = await postgres(await server.createDatabase()).open();
      try {
        await record(storage.events, 'a-1', ...Array.from({ length: 4 * size }, () => anEvent()));
        const sent = jest.spyOn(pg.Client.prototype, 'query');
        const pages = read(storage.events, size)[Symbol.asyncIterator]();
        for (const asked of [firstAhead ? 2 : 1, 3, 4]) {
          const { value: page } = (await pages.next()) as IteratorYieldResult<LogPage>;
          expect(page.events).toHaveLength(size);
          expect(pagesAsked(sent.mock.calls)).toBe(asked);
        }
        await pages.return?.();
      } finally {
        await storage.close();
      }
    },
  );
});

/** Statements that read events: others look after the connection. */
function pagesAsked(calls: readonly (readonly unknown[])[]): number {
  return calls.filter(([it]) => (it as { text?: string }).text?.includes('append_index')).length;
}
