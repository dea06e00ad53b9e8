/**
 * What `append_v1` costs against the bare driver: the same table, the same indexes, the same durability, alternating rounds,
 * medians of rounds and of ratios within a round. Run it with `node -r ./test/support/register-typescript.js test/spikes/postgres-append/measure.ts`.
 */
import { checkAppend, type CheckedAppend } from '@backstory/core/store';
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../../support/postgres-server.js';
import { APPEND_V1, appendBatch, asArrays, asBinaryArrays, asJson } from './append.js';

const ROUNDS = 61;
const STREAMS = 500;

/** Writes `batches` batches of `size` appends of one event each. */
type Contender = (client: Client, batches: number, size: number) => Promise<void>;

interface Position {
  head: number;
  readonly versions: Map<string, number>;
}

async function main(): Promise<void> {
  const server = await startPostgres({ durable: process.env['RELAXED'] === undefined });
  try {
    console.log('rows a second, median of', ROUNDS, 'rounds; ratio to the faster bare insert');
    for (const size of [1, 32, 500]) await compare(server, size);
  } finally {
    await server.stop();
  }
}

async function compare(server: PostgresServer, size: number): Promise<void> {
  const contenders: Record<string, Contender> = {
    'bare, one INSERT … VALUES': bare(insertValues),
    'bare, one INSERT … unnest': bare(insertUnnest),
    'append_v1, text arrays': throughFunction(asArrays),
    'append_v1, binary arrays': throughFunction(asBinaryArrays),
    'append_v1, json': throughFunction(asJson),
  };
  const running = await Promise.all(Object.entries(contenders).map((entry) => open(server, entry)));
  const batches = Math.ceil(60 / Math.sqrt(size));
  for (let round = -3; round < ROUNDS; round++) {
    for (const { client, contender, rates } of running) {
      const began = performance.now();
      await contender(client, batches, size);
      if (round >= 0) rates.push((batches * size * 1_000) / (performance.now() - began));
    }
  }
  const [values, unnest] = running;
  const bareRates = median(values!.rates) > median(unnest!.rates) ? values!.rates : unnest!.rates;
  for (const { name, client, rates } of running) {
    const ratio = median(rates.map((rate, round) => rate / bareRates[round]!)).toFixed(2);
    console.log(
      `batch ${size}  ${name.padEnd(28)} ${String(Math.round(median(rates))).padStart(7)}  ${ratio}`,
    );
    await client.end();
  }
}

async function open(server: PostgresServer, [name, contender]: [string, Contender]) {
  const client = new Client({ connectionString: await server.createDatabase() });
  await client.connect();
  await client.query(APPEND_V1);
  return { name, contender, client, rates: [] as number[] };
}

function throughFunction(encode: typeof asArrays): Contender {
  const at: Position = { head: 0, versions: new Map() };
  return async (client, batches, size) => {
    for (let i = 0; i < batches; i++) {
      const outcomes = await appendBatch(client, nextBatch(at, size), encode);
      if (outcomes.some((outcome) => 'error' in outcome)) throw new Error('an append was refused');
    }
  };
}

function bare(insert: (client: Client, rows: readonly unknown[][]) => Promise<unknown>): Contender {
  const at: Position = { head: 0, versions: new Map() };
  return async (client, batches, size) => {
    for (let i = 0; i < batches; i++) {
      const recordedAt = new Date();
      const rows = nextBatch(at, size).map(({ writes: [write] }) => {
        const { id, type, schemaVersion, correlationId, causationId, data, metadata } = write!.events[0]!;
        const place = [++at.head, write!.stream, Number(write!.expected) + 1, id, type, schemaVersion, 0];
        return [...place, correlationId, causationId ?? null, recordedAt, data, metadata];
      });
      await insert(client, rows);
    }
  };
}

function insertValues(client: Client, rows: readonly unknown[][]): Promise<unknown> {
  const places = rows.map((row, r) => `(${row.map((_, c) => `$${r * row.length + c + 1}`).join(',')})`);
  return client.query({
    name: `values_${rows.length}`,
    text: `insert into events values ${places.join(',')}`,
    values: rows.flat(),
  });
}

function insertUnnest(client: Client, rows: readonly unknown[][]): Promise<unknown> {
  const text = `insert into events select * from unnest($1::bigint[],$2::text[],$3::bigint[],$4::text[],$5::text[],$6::int[],$7::int[],
    $8::text[],$9::text[],$10::timestamptz[],$11::json[],$12::json[])`;
  return client.query({ name: 'unnest', text, values: rows[0]!.map((_, c) => rows.map((row) => row[c])) });
}

function nextBatch({ versions }: Position, size: number): CheckedAppend[] {
  return Array.from({ length: size }, () => {
    const stream = `account-${Math.floor(Math.random() * STREAMS)}`;
    const expected = versions.get(stream) ?? 0;
    versions.set(stream, expected + 1);
    const id = randomUUID();
    const metadata = {
      correlationId: randomUUID(),
      causationId: randomUUID(),
      actor: 'user:1207',
      source: 'bank',
      occurredAt: new Date().toISOString(),
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };
    const data = {
      amount: Math.random() * 1_000,
      currency: 'EUR',
      reference: `invoice "${id}"`,
      note: 'paid at the counter',
    };
    const event = {
      id,
      type: 'account.deposited',
      schemaVersion: 1,
      data: JSON.stringify(data),
      metadata: JSON.stringify(metadata),
    };
    return checkAppend([{ stream, expected, events: [event] }]);
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
