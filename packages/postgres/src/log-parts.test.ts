import { resolveQuery } from '@backstory/core/store';
import type { LogPage, LogQuery, StoredEvent } from '@backstory/core';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { Database } from './database.js';
import { logPages } from './log-pages.js';
import { postgres } from './postgres.js';

const EVENTS = 3_000;

let server: PostgresServer;
let database: Database;
beforeAll(async () => {
  server = await startPostgres();
  const url = await server.createDatabase();
  const storage = await postgres(url).open();
  await storage.events.restore([{ events: LOG, through: EVENTS }]);
  await storage.close();
  const options = { store: 'postgres:test', schema: '"backstory"', maxConnections: 1, prepare: true };
  database = new Database({ ...options, connection: { connectionString: url } }).retain();
});
afterAll(async () => {
  await database?.release();
  await server?.stop();
});

/** Mostly a and b, then hardly ever, then all of it, with others strewn in. */
const LOG = Array.from({ length: EVENTS }, (_, i): StoredEvent => {
  const position = i + 1;
  const isRare = position > 1_000 && position <= 2_000;
  const isOther = position <= 2_000 && position % 10 === 0;
  const type = isRare !== isOther ? 'other' : position % 3 === 0 ? 'a' : 'b';
  const recordedAt = new Date();
  const metadata = { correlationId: 'flow', source: 'test', occurredAt: recordedAt.toISOString() };
  const place = { stream: 'one-1', position, version: position, appendIndex: 0, recordedAt };
  const stored = { schemaVersion: 1, data: '{}', metadata: JSON.stringify(metadata) };
  return { ...place, ...stored, id: `id-${position}`, type };
});

const QUERIES = [
  ['forwards', {}],
  ['backwards', { backwards: true }],
  ['from the middle to the middle', { after: 700, upTo: 2_300 }],
  ['backwards from the middle', { after: 700, upTo: 2_300, backwards: true }],
] as const;
const SIZES = [1, 7, 100, 999, 5_000];

test.each(QUERIES.flatMap(([how, query]) => SIZES.map((size) => [how, size, query] as const)))(
  '%s, %i a page, events of several types come whole and in order, however many there are of them',
  async (_, pageSize, query) => {
    const pages = await pagesOf({ ...query, types: ['a', 'b'], pageSize });
    const { after = 0, upTo = EVENTS, backwards = false }: LogQuery = query;
    const wanted = LOG.filter(
      ({ type, position }) => type !== 'other' && position > after && position <= upTo,
    );
    const positions = wanted.map(({ position }) => position);
    const found = pages.flatMap(({ events }) => events.map(({ position }) => position));
    expect(found).toEqual(backwards ? positions.reverse() : positions);
    for (const { events } of pages.slice(0, -1)) expect(events).toHaveLength(pageSize);
  },
);

test('types that are most of the log are read by walking it, and from their index where they are rare', async () => {
  const read = jest.spyOn(database, 'read');
  await pagesOf({ types: ['a', 'b'], pageSize: 50 });
  const walked = read.mock.calls.map(([{ text, values }]) => {
    return { after: Number(values![0]), walks: !text.includes('unnest') };
  });
  read.mockRestore();
  const [first, ...others] = walked;
  expect(first).toEqual({ after: 0, walks: false });
  expect(others.filter(({ after }) => after < 900).every(({ walks }) => walks)).toBe(true);
  expect(others.filter(({ after }) => after >= 1_300 && after < 1_900).some(({ walks }) => walks)).toBe(
    false,
  );
  expect(others.filter(({ after }) => after >= 2_200).every(({ walks }) => walks)).toBe(true);
});

test('one type alone is always read from its index', async () => {
  const read = jest.spyOn(database, 'read');
  await pagesOf({ types: ['b'], pageSize: 50 });
  for (const [{ text }] of read.mock.calls) expect(text).toContain('unnest');
  read.mockRestore();
});

async function pagesOf(query: LogQuery): Promise<LogPage[]> {
  const pages: LogPage[] = [];
  for await (const page of logPages(database, resolveQuery(query))) pages.push(page);
  return pages;
}
