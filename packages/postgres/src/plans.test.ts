import { resolveQuery, type ResolvedQuery } from '@backstory/core/store';
import type { LogPage, LogQuery, OpenStorage, StoredEvent } from '@backstory/core';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { Database } from './database.js';
import { logStatements } from './log-statement.js';
import { postgres } from './postgres.js';
import type { Statement } from './session.js';
import { headsSql } from './stream-heads.js';
import { cutStreamSql, wholeStreamSql } from './stream-pages.js';

const EVENTS = 20_000;
const PAGE = 50;

let server: PostgresServer;
let storage: OpenStorage;
let database: Database;
beforeAll(async () => {
  server = await startPostgres();
  const url = await server.createDatabase();
  storage = await postgres(url).open();
  // Planned and used while the log was empty, as in a new application.
  for (const query of Object.values(QUERIES))
    for (let i = 0; i < 6; i++) await all(storage.events.readAll(query));
  await storage.events.restore(pages());
  const connection = { connectionString: url };
  database = new Database({
    store: 'postgres:test',
    schema: '"backstory"',
    connection,
    maxConnections: 1,
    prepare: true,
  }).retain();
});
afterAll(async () => {
  await database?.release();
  await storage?.close();
  await server?.stop();
});

/** 200 interleaved streams; every type but "rare" is as common as the others; one event of each flow. */
function* pages(): Generator<LogPage> {
  const recordedAt = new Date();
  for (let from = 1; from <= EVENTS; from += 1_000) {
    const events = Array.from({ length: 1_000 }, (_, i): StoredEvent => {
      const position = from + i;
      const stream = `${position % 2 === 0 ? 'even' : 'odd'}-${position % 200}`;
      const correlationId = `flow-${position % 500}`;
      const metadata = {
        correlationId,
        causationId: `id-${position % 700}`,
        source: 'test',
        occurredAt: recordedAt.toISOString(),
      };
      const place = {
        stream,
        position,
        version: Math.floor((position - 1) / 200) + 1,
        appendIndex: 0,
        recordedAt,
      };
      const type = position === 5 ? 'rare' : `type-${position % 4}`;
      return {
        ...place,
        id: `id-${position}`,
        type,
        schemaVersion: 1,
        data: '{}',
        metadata: JSON.stringify(metadata),
      };
    });
    yield { events, through: from + 999 };
  }
}

const QUERIES: Readonly<Record<string, LogQuery>> = {
  'no filter': {},
  'the end, backwards': { backwards: true },
  'a common type': { types: ['type-1'] },
  'a type that occurs once': { types: ['rare'], after: 5 },
  'a type that never occurs': { types: ['never'] },
  'a rare and a common type': { types: ['rare', 'type-2'] },
  'a category': { categories: ['even'] },
  'a category that never occurs': { categories: ['never'] },
  streams: { streams: ['odd-1', 'even-2', 'never-3'] },
  'streams from the middle on': { streams: ['odd-1', 'even-2'], after: EVENTS / 2 },
  'streams backwards': { streams: ['odd-1', 'even-2'], upTo: EVENTS / 2, backwards: true },
  ids: { ids: ['id-7', 'id-19999', 'never'] },
  'a flow': { correlationIds: ['flow-7'] },
  consequences: { causationIds: ['id-7'] },
  'a stream and a type that it does not have': { streams: ['odd-1'], types: ['rare'] },
  'a type within a category': { types: ['type-1'], categories: ['odd'] },
};

/** What a page of fifty may touch: a few levels of an index and a page of the table for each of its events. */
const BUFFERS = 8 * PAGE;

describe.each([
  ['sizes not known', 'select 1'],
  ['sizes known', 'analyze "backstory".events'],
])('%s to the planner', (_, text) => {
  beforeAll(() => database.read({ text, values: [] }));

  test.each(
    Object.entries(QUERIES).flatMap(
      ([name, query]) =>
        [
          ['whole', name, query],
          ['cut', name, query],
        ] as const,
    ),
  )('a %s page of %s is answered from an index, whatever the log holds', async (how, __, query) => {
    const part = { after: query.after ?? 0, upTo: query.upTo ?? Number.MAX_SAFE_INTEGER, size: PAGE };
    const { buffers, plan } = await explained(logStatements('"backstory"', resolved(query))[how](part));
    expect(plan).not.toContain('Seq Scan');
    expect(buffers).toBeLessThan(BUFFERS);
  });
});

test('a page of all types that is read by walking the log reads no more of it than it has to', async () => {
  const query = resolved({ types: ['rare', 'type-0', 'type-1', 'type-2', 'type-3'] });
  const { walking } = logStatements('"backstory"', query);
  const part = { after: EVENTS / 2, upTo: Number.MAX_SAFE_INTEGER, size: PAGE };
  for (const how of ['whole', 'cut'] as const) {
    const { buffers, plan } = await explained(walking![how](part));
    expect(plan).not.toContain('Seq Scan');
    expect(buffers).toBeLessThan(PAGE);
  }
});

test.each([
  [
    'a stream',
    { text: wholeStreamSql('"backstory"', false), values: ['odd-1', 20, Number.MAX_SAFE_INTEGER, PAGE] },
  ],
  [
    'a stream backwards',
    { text: wholeStreamSql('"backstory"', true), values: ['odd-1', 0, Number.MAX_SAFE_INTEGER, PAGE] },
  ],
  [
    'a stream of large events',
    { text: cutStreamSql('"backstory"', false), values: ['odd-1', 20, Number.MAX_SAFE_INTEGER, PAGE] },
  ],
  ['the names of streams', { text: headsSql('"backstory"'), values: ['', null, '', PAGE] }],
  [
    'a place in time',
    { text: 'select "backstory".last_position_by($1)', values: [new Date().toISOString()] },
  ],
  ['a place in a stream', { text: 'select "backstory".last_version_by($1, $2)', values: ['odd-1', 9_999] }],
])('%s is read from an index', async (_, statement) => {
  const { buffers, plan } = await explained(statement);
  expect(plan).not.toContain('Seq Scan');
  expect(buffers).toBeLessThan(BUFFERS);
});

test('no plan is compiled, however costly it looks: servers in tests may be unable to', async () => {
  const text = `select current_setting('jit')`;
  expect(await database.read({ text, values: [] })).toEqual([['off']]);
});

test('a statement that walks the log is found out by these tests', async () => {
  const text = `select * from "backstory".events where type = $1 order by position limit $2`;
  const { buffers } = await explained({ text: text.replace('type', `type || ''`), values: ['never', PAGE] });
  expect(buffers).toBeGreaterThan(BUFFERS);
});

async function explained(statement: Statement): Promise<{ readonly buffers: number; readonly plan: string }> {
  return database.session(async (run) => {
    // As a prepared statement has it after some use: made for any values.
    await run({ text: 'set plan_cache_mode = force_generic_plan' });
    const text = `explain (analyze, buffers, format json) ${statement.text}`;
    const [[plan] = ['']] = await run<[string]>({ ...statement, text });
    const [{ Plan }] = JSON.parse(plan) as [{ Plan: Readonly<Record<string, number>> }];
    return { plan, buffers: Plan['Shared Hit Blocks']! + Plan['Shared Read Blocks']! };
  });
}

function resolved(query: LogQuery): ResolvedQuery {
  return resolveQuery({ ...query, includeSystem: true });
}

async function all(read: AsyncIterable<LogPage>): Promise<void> {
  for await (const page of read) expect(page.events).toEqual([]);
}
