import type { LogPage } from '@backstory/core';
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

test('the page after the next is asked for before somebody works on the next, who may give nobody else a turn', async () => {
  const storage = await postgres(await server.createDatabase()).open();
  try {
    for (let i = 0; i < 6; i++) await record(storage.events, `a-${i}`, anEvent());
    const sent = jest.spyOn(pg.Client.prototype, 'query');
    const pages = storage.events.readAll({ pageSize: 2 })[Symbol.asyncIterator]();
    await pages.next();
    for (const { asked } of [{ asked: 3 }, { asked: 4 }]) {
      const { value: page } = (await pages.next()) as IteratorYieldResult<LogPage>;
      expect(page.events).toHaveLength(2);
      expect(pagesAsked(sent.mock.calls)).toBe(asked);
    }
    await pages.return?.();
  } finally {
    await storage.close();
  }
});

/** Statements that read events: others look after the connection. */
function pagesAsked(calls: readonly (readonly unknown[])[]): number {
  return calls.filter(([it]) => (it as { text?: string }).text?.includes('append_index')).length;
}
