import { resolveQuery } from '@backstory/core/store';
import type { LogPage, LogQuery, StoredEvent } from '@backstory/core';
import { queryAt } from '../../../test/support/postgres-cluster.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { anEvent, record } from '../../../test/support/sqlite-files.js';
import { Database } from './database.js';
import { logPages } from './log-pages.js';
import { LogParts } from './log-parts.js';
import { postgres } from './postgres.js';
import { readAhead } from './read-ahead.js';
import { textPages } from './text-pages.js';

const EVENTS = 3_000;

let server: PostgresServer;
let database: Database;
/** Another one with the same log, which somebody changes. */
let other: Database;
let otherUrl: string;
beforeAll(async () => {
  server = await startPostgres();
  database = await filledAt(await server.createDatabase());
  otherUrl = await server.createDatabase();
  other = await filledAt(otherUrl);
});
afterEach(() => jest.restoreAllMocks());
afterAll(async () => {
  await database?.release();
  await other?.release();
  await server?.stop();
});

async function filledAt(url: string): Promise<Database> {
  const storage = await postgres(url).open();
  await storage.events.restore([{ events: LOG, through: EVENTS }]);
  await storage.close();
  const options = { store: 'postgres:test', schema: '"backstory"', maxConnections: 1, prepare: true };
  return new Database({ ...options, connection: { connectionString: url } }).retain();
}

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
});

test('a page that lacks a few events looks at no more than may be needed', async () => {
  const read = jest.spyOn(database, 'read');
  const [page] = await pagesOf({ correlationIds: ['flow'], types: ['a', 'b'], pageSize: 100, limit: 100 });
  expect(page!.events).toHaveLength(100);
  expect(read.mock.calls.map(([{ values }]) => values![2])).toEqual([100, 23]);
});

test('one statement looks at so many events, however many are wanted', async () => {
  const parts = new LogParts(database, resolveQuery());
  expect([parts.enough(10_000, 1_000), parts.enough(10_000, 4_000)]).toEqual([4_000, 5_000]);
});

test('what is recorded while a page looks on is on it, or behind where it has looked', async () => {
  const storage = await postgres(otherUrl).open();
  const read = other.read.bind(other);
  const late = { ...anEvent('late', { correlationId: 'flow' }) };
  jest.spyOn(other, 'read').mockImplementationOnce(async (statement) => {
    const found = await read(statement);
    await record(storage.events, 'late-1', late);
    return found;
  });
  const query = resolveQuery({ correlationIds: ['flow'], types: ['late'], pageSize: 1_000 });
  let position = 0;
  for await (const { events, through } of readAhead(logPages(other, query))) {
    if (events.length > 0) position = events[0]!.position;
    expect(position > 0 || through <= EVENTS).toBe(true);
  }
  expect((await storage.events.identity()).head).toBe(EVENTS + 1);
  await storage.close();
});

test('all texts of one reading are of one log, though another one takes its place meanwhile', async () => {
  const pages = textPages(other, { after: 0, upTo: 30, first: 10, pageSize: 10 });
  expect((await pages.next()).value).toMatchObject({ count: 10 });
  await queryAt(otherUrl, 'alter table backstory.events disable trigger events_never_change');
  await queryAt(otherUrl, `update backstory.events set id = 'other-' || position`);
  await expect(pages.next()).rejects.toThrow('is another event than it was when the page before was read');
});

async function pagesOf(query: LogQuery): Promise<LogPage[]> {
  const pages: LogPage[] = [];
  for await (const page of readAhead(logPages(database, resolveQuery(query)))) pages.push(page);
  return pages;
}
