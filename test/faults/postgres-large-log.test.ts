import { randomUUID } from 'node:crypto';
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
  // Ids rise, as those that newId gives do, and come before them.
  await client.query(`insert into events (position, stream, version, id, type, schema_version, append_index, correlation_id,
      causation_id, recorded_at, size, data, metadata)
    select ${first} + n, '${name}' || n % greatest(${streams}, 1), n / greatest(${streams}, 1) + 1, id,
      'account.deposited', 1, 0, id, null, now(), 400, json_build_object('amount', n, 'note', repeat('x', 200)),
      json_build_object('correlationId', id, 'source', 'bank', 'occurredAt', now())
    from generate_series(0, ${count} - 1) n, overlay(gen_random_uuid()::text placing to_hex(${first} + n + x'1000000'::int) from 2 for 7) id`);
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

const one = (stream: string, id: string = newId()) =>
  checkAppend([{ stream, expected: 'any', events: [anEvent('account.deposited', { id })] }]);
/** As the store sends what mostly comes: one new event, new ones to 32 streams; and as it sends the rest. */
const append = (stream: string, id?: string) => newAppends('public', [one(stream, id)])!.statement;
const batch = () =>
  newAppends(
    'public',
    Array.from({ length: 32 }, () => one(`new-${newId()}`)),
  )!.statement;
const looking = (stream: string) => appendStatement('public', [one(stream)]);
const load = (stream: string) => (): Statement => ({
  text: wholeStreamSql('public', false),
  values: [stream, 0, Number.MAX_SAFE_INTEGER, 1_000],
});
const LOADED = 1_000;

test(`among ${EVENTS.toLocaleString('en')} events a load touches what it touches in a small log, and an append a page for each level more of an index`, async () => {
  const logs = [await logOf(0), await logOf(40), await logOf(STREAMS)] as const;
  const [empty, small, large] = logs;
  const appends = {
    append: await ofEach(logs, () => append('burst-0')),
    appendToNew: await ofEach(logs, () => append(`new-${newId()}`)),
    appendInterleaved: await ofEach(logs, () => append('account-7')),
    appendOfRandomId: await ofEach(logs, () => append('account-7', randomUUID())),
    appendLooking: await ofEach(logs, () => looking('account-7')),
    appendOf32: await ofEach(logs, batch),
  };
  const loads = {
    loadOfBurst: await ofEach([empty, large], load('burst-0')),
    // Each event on a page of its own, as it is where many streams take turns.
    loadOfInterleaved: await ofEach([small, large], load('account-8')),
  };
  const levels = await Promise.all(logs.map(levelsOf));
  process.stdout.write(`${JSON.stringify({ events: EVENTS, appends, loads, levels })}\n`);

  expect(loads.loadOfInterleaved[0]).toBeGreaterThan(LOADED);
  for (const [few, many] of Object.values(loads)) expect(many).toBeLessThanOrEqual(few! * 1.1);
  for (const log of [1, 2])
    for (const [name, buffers] of Object.entries(appends)) {
      // Three indexes are looked at before they grow, the others grow only.
      const deeper = levels[log]!.map((level, i) => (level - levels[0]![i]!) * (i < 3 ? 2 : 1));
      const pages = (name === 'appendOf32' ? 32 : 1) * deeper.reduce((sum, n) => sum + n);
      expect([name, Math.max(0, buffers[log]! - buffers[0]! * 1.1 - pages)]).toEqual([name, 0]);
    }
}, 1_200_000);

async function ofEach(logs: readonly Client[], statement: () => Statement): Promise<readonly number[]> {
  const touched: number[] = [];
  for (const log of logs) touched.push(await buffersOf(log, statement));
  return touched;
}

/** How deep each index of the events is. */
async function levelsOf(client: Client): Promise<readonly number[]> {
  await client.query('create extension if not exists pageinspect');
  const { rows } = await client.query<{ level: number }>(
    `select (bt_metap(indexrelid::regclass::text)).level::int as level from pg_index where indrelid = 'events'::regclass order by indexrelid`,
  );
  return rows.map(({ level }) => level);
}
