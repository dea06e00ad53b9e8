import { newId } from '@backstory/core';
import { checkAppend } from '@backstory/core/store';
import { Client } from 'pg';
import { appendStatement } from '../../packages/postgres/src/append-batch';
import { newAppends } from '../../packages/postgres/src/new-appends';
import { schemaSql } from '../../packages/postgres/src/schema';
import { sessionOn, type Statement } from '../../packages/postgres/src/session';
import { wholeStreamSql } from '../../packages/postgres/src/stream-pages';
import { startPostgres, type PostgresServer } from '../support/postgres-server';
import { anEvent } from '../support/sqlite-files';

/** 5,000,000 are what the figures in docs/guides/benchmarks.md are of; a tenth of them is enough to find a scan. */
const EVENTS = Number(process.env['LARGE_LOG_EVENTS'] ?? 500_000);
const STREAMS = EVENTS / 1_000;

let server: PostgresServer;
const clients: Client[] = [];
beforeAll(async () => void (server = await startPostgres()));
afterAll(async () => {
  for (const client of clients) await client.end();
  await server?.stop();
});

/** A log in which streams of a thousand events each take turns, event by event; the last thousand are one stream's alone. */
async function logOf(streams: number): Promise<Client> {
  const client = new Client({ connectionString: await server.createDatabase() });
  await client.connect();
  clients.push(client);
  await client.query(schemaSql('public'));
  await fill(client, { count: streams * 1_000, first: 1, streams });
  await fill(client, { count: LOADED, first: streams * 1_000 + 1, streams: 1, name: 'burst-' });
  await client.query('vacuum analyze events');
  await client.query('set enable_seqscan = off; set enable_bitmapscan = off');
  return client;
}

async function fill(
  client: Client,
  {
    count,
    first,
    streams,
    name = 'account-',
  }: { count: number; first: number; streams: number; name?: string },
): Promise<void> {
  await client.query(`insert into events (position, stream, version, id, type, schema_version, append_index, correlation_id,
      causation_id, recorded_at, size, data, metadata)
    select ${first} + n, '${name}' || n % greatest(${streams}, 1), n / greatest(${streams}, 1) + 1, gen_random_uuid()::text,
      'account.deposited', 1, 0, 'flow-' || n, null, now(), 400, json_build_object('amount', n, 'note', repeat('x', 200)),
      json_build_object('correlationId', 'flow-' || n, 'source', 'bank', 'occurredAt', now())
    from generate_series(0, ${count} - 1) n`);
}

/** The buffers that a statement touches once its session knows it; the median, for now and then a page of an index is split. */
async function buffersOf(client: Client, statement: () => Statement): Promise<number> {
  const run = sessionOn(client, { prepare: false });
  const touched: number[] = [];
  for (let i = 0; i < 31; i++) {
    const { text, values } = statement();
    const explain = `explain (analyze, buffers, format json) ${text}`;
    const [[plan] = ['']] = await run<[string]>({ text: explain, ...(values && { values }) });
    const [{ Plan }] = JSON.parse(plan) as [{ Plan: Readonly<Record<string, number>> }];
    touched.push(Plan['Shared Hit Blocks']! + Plan['Shared Read Blocks']!);
  }
  return touched.slice(10).sort((a, b) => a - b)[10]!;
}

const one = (stream: string) =>
  checkAppend([{ stream, expected: 'any', events: [anEvent('account.deposited', { id: newId() })] }]);
/** As the store sends what mostly comes: one new event, new ones to 32 streams; and as it sends the rest. */
const append = (stream: string) => () => newAppends('public', [one(stream)])!.statement;
const batch = () =>
  newAppends(
    'public',
    Array.from({ length: 32 }, () => one(`new-${newId()}`)),
  )!.statement;
const looking = (stream: string) => () => appendStatement('public', [one(stream)]);
const load = (stream: string) => (): Statement => ({
  text: wholeStreamSql('public', false),
  values: [stream, 0, Number.MAX_SAFE_INTEGER, 1_000],
});
const LOADED = 1_000;

test(`among ${EVENTS.toLocaleString('en')} events a load touches what it touches in a small log, and an append a level more of an index`, async () => {
  const [empty, small, large] = [await logOf(0), await logOf(40), await logOf(STREAMS)];
  const figures = {
    append: await both(empty, large, append('burst-0')),
    appendToNew: await both(empty, large, () => append(`new-${newId()}`)()),
    appendLooking: await both(empty, large, looking('burst-0')),
    appendOf32: await both(empty, large, batch),
    loadOfBurst: await both(empty, large, load('burst-0')),
    // Each event on a page of its own, as it is where many streams take turns.
    loadOfInterleaved: await both(small, large, load('account-7')),
  };
  const levels = [await levelsOf(empty), await levelsOf(large)] as const;
  process.stdout.write(`${JSON.stringify({ events: EVENTS, figures, levels })}\n`);
  expect(figures.loadOfInterleaved[0]).toBeGreaterThan(LOADED);
  for (const [few, many] of [figures.loadOfBurst, figures.loadOfInterleaved])
    expect(many).toBeLessThanOrEqual(few * 1.1);
  const more = levels[1].reduce((sum, level, i) => sum + level - levels[0][i]!, 0);
  for (const [few, many] of [figures.append, figures.appendToNew, figures.appendLooking])
    expect(many).toBeLessThanOrEqual(few * 1.1 + more);
  expect(figures.appendOf32[1]).toBeLessThanOrEqual(figures.appendOf32[0] * 1.1 + 32 * more);
}, 1_200_000);

async function both(
  few: Client,
  many: Client,
  statement: () => Statement,
): Promise<readonly [number, number]> {
  return [await buffersOf(few, statement), await buffersOf(many, statement)];
}

/** How deep each index of the events is. */
async function levelsOf(client: Client): Promise<readonly number[]> {
  await client.query('create extension if not exists pageinspect');
  const { rows } = await client.query<{ level: number }>(
    `select (bt_metap(indexrelid::regclass::text)).level::int as level from pg_index where indrelid = 'events'::regclass order by indexrelid`,
  );
  return rows.map(({ level }) => level);
}
