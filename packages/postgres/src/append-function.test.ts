import {
  VersionConflict,
  type AppendResult,
  type ExpectedVersion,
  type LogPage,
  type StampedEvent,
  type StoredEvent,
  type Write,
} from '@backstory/core';
import {
  checkAppend,
  MemoryEventStore,
  resolveQuery,
  type AppendOutcome,
  type CheckedAppend,
} from '@backstory/core/store';
import { eventsIn } from '@backstory/core/administration';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { appendOutcomes, appendStatement, type AppendRow } from './append-batch.js';
import {
  lockAfterReadOfHead,
  lockInReadOfHead,
  positionsFromSequence,
  swap,
  timeOfTransaction,
  withoutLock,
} from '../../../test/support/append-mutations.js';
import { failureOf } from '../../../test/support/failure-of.js';
import { logStatements, type PartRow } from './log-statement.js';
import { newAppends, severalEvents, type NewAppends, type NewAppendsRow } from './new-appends.js';
import { schemaSql } from './schema.js';
import { sessionOn } from './session.js';

const SQL = schemaSql('public');

/** How a batch is appended on a connection. */
type Way = (client: Client, batch: readonly CheckedAppend[]) => Promise<readonly AppendOutcome[]>;

/** Where a batch cannot be taken for new appends, or is none, `append_v1` does it. */
const WAYS = {
  append_v1: looking,
  append_one_v1: (client, batch) => asNew(client, batch, newAppends('public', batch)),
  append_new_v1: (client, batch) =>
    asNew(client, batch, newAppends('public', batch) && severalEvents('public', batch)),
} satisfies Record<string, Way>;

let server: PostgresServer;
let way: Way = WAYS.append_v1;
const logs: Log[] = [];
beforeAll(async () => void (server = await startPostgres()));
afterEach(async () => {
  way = WAYS.append_v1;
  for (const log of logs.splice(0)) await log.close();
});
afterAll(() => server?.stop());

/** One empty log in a database of its own. */
class Log {
  private readonly clients: Client[] = [];
  constructor(private readonly url: string) {}

  async connect(): Promise<Client> {
    const client = new Client({ connectionString: this.url });
    client.on('error', () => undefined);
    await client.connect();
    this.clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end()));
  }
}

/** The SQL under test has recorded one event before a scenario begins, so that a mutant that cannot run is no proof. */
async function openLog(sql = SQL): Promise<Log> {
  const log = new Log(await server.createDatabase());
  logs.push(log);
  const client = await log.connect();
  await client.query(sql);
  await appendOne(client, write('first-1', 'none'));
  return log;
}

const SCENARIOS = {
  'a batch answers like the memory store that is given its appends one after another': async (log: Log) => {
    const client = await log.connect();
    let run = 0;
    const property = fc.asyncProperty(batches, async (plan) => {
      const name = `run${run++}`;
      const memory = new MemoryEventStore();
      const head = (await readPage(client, 0, [])).through;
      for (const batch of plan) {
        const appends = batch.map((writes) => writes.map((it) => planned(it, name)));
        const outcomes = await appendBatch(
          client,
          appends.map((writes) => checkAppend(writes)),
        );
        const expected = [];
        for (const writes of appends) expected.push(await outcomeOf(memory.append(writes)));
        expect(outcomes.map((outcome) => answer(outcome, head))).toEqual(
          expected.map((outcome) => answer(outcome)),
        );
      }
    });
    await fc.assert(property, { numRuns: 150, seed: 20_261_120, includeErrorInReport: true });
  },

  'appends to streams of their own are answered and stored as by the memory store': async (log: Log) => {
    const client = await log.connect();
    let run = 0;
    const property = fc.asyncProperty(batchesOfOwnStreams, async (plan) => {
      const name = `own${run++}`;
      const memory = new MemoryEventStore();
      const head = (await readPage(client, 0, [])).through;
      for (const batch of plan) {
        const versions = await versionsOf(memory);
        const appends = batch.map((writes) =>
          writes.map(({ stream, expected, count }) => {
            const own = `${stream}-${name}`;
            return write(own, expected === 'known' ? (versions.get(own) ?? 0) : expected, count);
          }),
        );
        const outcomes = await appendBatch(
          client,
          appends.map((writes) => checkAppend(writes)),
        );
        const expected = [];
        for (const writes of appends) expected.push(await outcomeOf(memory.append(writes)));
        expect(outcomes.map((outcome) => answer(outcome, head))).toEqual(
          expected.map((outcome) => answer(outcome)),
        );
      }
      const { events } = await readPage(client, head);
      expect(events.map((it) => ({ ...it, position: it.position - head, recordedAt: 0 }))).toEqual(
        (await storedIn(memory)).map((it) => ({ ...it, recordedAt: 0 })),
      );
    });
    await fc.assert(property, { numRuns: 60, seed: 20_261_128, includeErrorInReport: true });
  },

  'an append waits for an open one and neither loses it nor takes its place': async (log: Log) => {
    const [first, second, reader] = await Promise.all([log.connect(), log.connect(), log.connect()]);
    await first.query('begin');
    await appendOne(first, write('a-1', 'none'));
    const waiting = appendOne(second, write('b-1', 'none'));
    await settledOrWaiting(waiting, second, reader);
    const before = await readPage(reader, 0);
    await first.query('commit');
    await waiting;
    const after = await readPage(reader, before.through);
    expect([...before.events, ...after.events].map(({ stream, position }) => [stream, position])).toEqual([
      ['first-1', 1],
      ['a-1', 2],
      ['b-1', 3],
    ]);
  },

  'of several writers at one expected version exactly one wins': async (log: Log) => {
    const clients = await Promise.all(Array.from({ length: 6 }, () => log.connect()));
    for (let version = 0; version < 25; version++) {
      const outcomes = await Promise.all(
        clients.map((client) => appendBatch(client, [checkAppend([write('a-1', version)])])),
      );
      const lost = outcomes.flat().filter((outcome) => 'error' in outcome);
      expect(lost).toEqual(
        Array.from({ length: 5 }, () => ({ error: new VersionConflict('a-1', version, version + 1) })),
      );
    }
  },

  'a follower sees every event once and in order while writers interleave, stall and roll back': async (
    log: Log,
  ) => {
    const [reader, bystander] = await Promise.all([log.connect(), log.connect()]);
    await bystander.query(
      'begin isolation level repeatable read; create table unrelated (n int); insert into unrelated values (1)',
    );
    const kept: string[] = [];
    let writing = true;
    const writers = Promise.all(Array.from({ length: 6 }, (_, w) => writeAndStall(log, w, kept))).finally(
      () => (writing = false),
    );
    const follower = follow(reader, () => writing);
    const [seen] = await Promise.all([follower, writers]);
    await bystander.query('rollback');

    expect(seen.map((event) => event.position)).toEqual(seen.map((_, i) => i + 1));
    expect(new Set(seen.slice(1).map((event) => event.id))).toEqual(new Set(kept));
    const times = seen.map((event) => event.recordedAt.getTime());
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(kept.length).toBeGreaterThan(100);
  },

  'the recorded time is taken under the lock, not when the transaction began': async (log: Log) => {
    const [client, other] = await Promise.all([log.connect(), log.connect()]);
    await client.query('begin');
    await client.query('select 1');
    const { rows } = await other.query<{ now: Date }>('select pg_sleep(0.005), clock_timestamp() as now');
    const { recordedAt } = await appendOne(client, write('a-1', 'none'));
    await client.query('commit');
    expect(recordedAt.getTime()).toBeGreaterThanOrEqual(rows[0]!.now.getTime());
  },

  'the recorded time never decreases, and has whole milliseconds': async (log: Log) => {
    const client = await log.connect();
    const future = new Date(Date.now() + 3_600_000);
    for (let i = 0; i < 5; i++) await appendOne(client, write('a-1', 'any'));
    const uneven = await client.query(
      `select 1 from events where recorded_at <> date_trunc('milliseconds', recorded_at)`,
    );
    expect(uneven.rows).toEqual([]);
    await client.query(
      `insert into events select 100, 'future-1', 1, 'future', type, 1, 0, 'c', null, $1, size, data, metadata from events where position = 1`,
      [future],
    );
    expect((await appendOne(client, write('a-1', 'any'))).recordedAt).toEqual(future);
  },

  'a batch of which an append is refused keeps its neighbours whole': async (log: Log) => {
    const client = await log.connect();
    const [refused, kept] = [
      checkAppend([write('a-1', 7)]),
      checkAppend([write('a-1', 0), write('b-1', 'none', 2)]),
    ];
    const outcomes = await appendBatch(client, [refused, kept]);
    expect(outcomes[0]).toEqual({ error: new VersionConflict('a-1', 7, 0) });
    const { events } = await readPage(client, 1);
    expect(events.map(({ id }) => id)).toEqual(kept.writes.flatMap((it) => it.events.map(({ id }) => id)));
  },

  'other isolation levels are refused by name': async (log: Log) => {
    const client = await log.connect();
    for (const level of ['repeatable read', 'serializable']) {
      await client.query(`begin isolation level ${level}`);
      await expect(appendOne(client, write('a-1', 'none'))).rejects.toThrow(
        `an append needs read committed, not ${level}`,
      );
      await client.query('rollback');
    }
  },

  'events cannot be updated, deleted or truncated, not even as a replica': async (log: Log) => {
    const client = await log.connect();
    await client.query('set session_replication_role = replica');
    for (const change of ['update events set type = type', 'delete from events', 'truncate events']) {
      await expect(client.query(change)).rejects.toThrow(
        `events are never changed: ${change.split(' ')[0]} was refused`,
      );
    }
  },

  'data and metadata survive as the exact text': async (log: Log) => {
    const client = await log.connect();
    const events = AWKWARD.map((data) => event({ data, own: data }));
    await appendBatch(client, [checkAppend([{ stream: 'a-1', expected: 0, events }])]);
    const stored = (await readPage(client, 1)).events;
    expect(stored.map(({ data, metadata }) => [data, metadata])).toEqual(
      events.map(({ data, metadata }) => [data, metadata]),
    );
  },

  'an acknowledged append is durable although its connection asked for less': async (log: Log) => {
    const client = await log.connect();
    await client.query('set synchronous_commit = off; begin');
    await appendOne(client, write('a-1', 'none'));
    expect((await client.query('show synchronous_commit')).rows).toEqual([{ synchronous_commit: 'on' }]);
    await client.query('commit');
  },

  'a repeated append is a transaction that writes, so that its commit waits for a standby': async (
    log: Log,
  ) => {
    const client = await log.connect();
    const append = checkAppend([write('a-1', 'any', 2)]);
    await appendBatch(client, [append]);
    await client.query('begin');
    const before = await writtenBy(client);
    await looking(client, [append]);
    expect(await writtenBy(client)).not.toBe(before);
    await client.query('commit');
  },

  'no append scans the log, even with plans made while it was tiny': async (log: Log) => {
    const client = await log.connect();
    const repeated = checkAppend([write('a-1', 'any', 3)]);
    await client.query('analyze events');
    const before = await scansOf(client);
    await appendBatch(client, [repeated, checkAppend([write('a-1', 3), write('b-1', 'any')]), repeated]);
    await appendBatch(client, [repeated]);
    await appendBatch(client, [checkAppend([write('c-1', 'any')])]);
    expect(await scansOf(client)).toBe(before);
  },
} satisfies Record<string, (log: Log) => Promise<void>>;

type Scenario = keyof typeof SCENARIOS;

describe.each(Object.entries(WAYS))('%s', (_, chosen) => {
  beforeEach(() => void (way = chosen));
  it.each(Object.entries(SCENARIOS))('%s', async (_, scenario) => scenario(await openLog()));
});

describe('append_v1', () => {
  it('a page at the head looks as far as the head, whatever its filter and whoever has a transaction open', async () => {
    const log = await openLog();
    const [client, bystander] = await Promise.all([log.connect(), log.connect()]);
    await bystander.query('begin; create table unrelated (n int)');
    await appendBatch(client, [checkAppend([write('a-1', 'none', 3)])]);
    expect(await readPage(client, 0, ['never'])).toEqual({ events: [], through: 4 });
    expect(await readPage(client, 4)).toEqual({ events: [], through: 4 });
    expect((await readPage(client, 0, undefined, 2)).through).toBe(2);
    await bystander.query('rollback');
  });

  it('a role that may only read and insert can append', async () => {
    const client = await (await openLog()).connect();
    const role = `appender_${randomUUID().replaceAll('-', '')}`;
    await client.query(`create role ${role}; grant select, insert on events to ${role}; set role ${role}`);
    const append = write('a-1', 'none');
    await appendOne(client, append);
    expect(await appendOne(client, append)).toMatchObject({ repeated: true });
    await expect(client.query('delete from events')).rejects.toThrow('permission denied');
    await client.query(`reset role; drop owned by ${role}; drop role ${role}`);
  });

  it('the database cannot read metadata in which a text holds \\u0000, so the client gives what is indexed', async () => {
    const client = await (await openLog()).connect();
    await appendBatch(client, [
      checkAppend([{ stream: 'a-1', expected: 0, events: [event({ own: '"\\u0000"' })] }]),
    ]);
    await expect(client.query(`select metadata->>'correlationId' from events`)).rejects.toThrow(
      'unsupported Unicode escape sequence',
    );
    expect((await client.query('select count(correlation_id)::int as n from events')).rows).toEqual([
      { n: 2 },
    ]);
  });

  it('bad data fails its whole batch and leaves nothing behind', async () => {
    const client = await (await openLog()).connect();
    const bad = {
      ...checkAppend([write('a-1', 'none')]),
      writes: [{ stream: 'b-1', expected: 0, events: [unchecked('{')] }],
    };
    await expect(appendBatch(client, [checkAppend([write('a-1', 'none')]), bad])).rejects.toThrow(
      'invalid input syntax for type json',
    );
    expect((await readPage(client, 0)).through).toBe(1);
  });
});

interface Mutant {
  readonly name: string;
  /** Default: append_v1. */
  readonly way?: keyof typeof WAYS;
  readonly change: (sql: string) => string;
  readonly fails: Scenario;
  readonly saying: string | RegExp;
}

const WAITS: Scenario = 'an append waits for an open one and neither loses it nor takes its place';
const ORACLE: Scenario = 'a batch answers like the memory store that is given its appends one after another';
const FOLLOWS: Scenario =
  'a follower sees every event once and in order while writers interleave, stall and roll back';
const TIMES: Scenario = 'the recorded time never decreases, and has whole milliseconds';

const MUTANTS: readonly Mutant[] = [
  { name: 'no lock', change: withoutLock, fails: WAITS, saying: 'duplicate key' },
  {
    name: 'no lock, several writers',
    change: withoutLock,
    fails: 'of several writers at one expected version exactly one wins',
    saying: 'duplicate key',
  },
  {
    name: 'the lock in a CTE of the statement that reads the head',
    change: lockInReadOfHead,
    fails: WAITS,
    saying: 'duplicate key',
  },
  {
    name: 'the lock after the read',
    change: lockAfterReadOfHead,
    fails: WAITS,
    saying: 'duplicate key',
  },
  {
    name: 'positions from a sequence, no lock',
    change: positionsFromSequence,
    fails: WAITS,
    saying: /toEqual/,
  },
  {
    name: 'positions from a sequence, no lock, many writers',
    change: positionsFromSequence,
    fails: FOLLOWS,
    saying: /toEqual/,
  },
  {
    name: 'the time of the transaction',
    change: timeOfTransaction,
    fails: 'the recorded time is taken under the lock, not when the transaction began',
    saying: 'toBeGreaterThanOrEqual',
  },
  {
    name: 'a clock that may go back',
    change: (sql) => swap(sql, 'greatest(clock, ', 'greatest(null, '),
    fails: TIMES,
    saying: 'toEqual',
  },
  {
    name: 'microseconds',
    change: (sql) => swap(sql, `date_trunc('milliseconds', clock_timestamp())`, 'clock_timestamp()'),
    fails: TIMES,
    saying: 'toEqual',
  },
  {
    name: 'the version before the identity',
    change: versionBeforeIdentity,
    fails: ORACLE,
    saying: 'VersionConflict',
  },
  {
    name: 'no boundaries of appends',
    change: (sql) => swap(sql, 'where r.append_index = r.place', 'where r.place <= last_event - first_event'),
    fails: ORACLE,
    saying: /toEqual/,
  },
  {
    name: 'the same ids in other streams',
    change: (sql) => swap(sql, ' and was.streams = event_stream[first_event:last_event]', ''),
    fails: ORACLE,
    saying: /toEqual/,
  },
  {
    name: 'a repetition within a batch unnoticed',
    change: (sql) => swap(sql, 'i.times > 1 or ', ''),
    fails: ORACLE,
    saying: 'duplicate key',
  },
  {
    name: 'versions as they were before the batch',
    change: (sql) => swap(sql, '      versions[write_stream[w]] := last_version;\n', ''),
    fails: ORACLE,
    saying: /duplicate key|toEqual/,
  },
  {
    name: 'a refused append that shifts its neighbours',
    change: (sql) => swap(sql, ' := array_fill(null::bigint, array[cardinality(ids)])', ` := '{}'`),
    fails: 'a batch of which an append is refused keeps its neighbours whole',
    saying: 'duplicate key',
  },
  {
    name: 'jsonb',
    change: (sql) =>
      sql
        .replace('data json not null', 'data jsonb not null')
        .replace(', n.data, n.metadata\n', ', n.data::jsonb, n.metadata\n'),
    fails: 'data and metadata survive as the exact text',
    saying: 'unsupported Unicode escape sequence',
  },
  {
    name: 'any isolation level',
    change: (sql) => swap(sql, `current_setting('transaction_isolation') <> 'read committed'`, 'false'),
    fails: 'other isolation levels are refused by name',
    saying: 'resolved instead of rejected',
  },
  {
    name: 'triggers that a replica skips',
    change: (sql) => swap(sql, 'alter table public.events enable always trigger events_never_change;', ''),
    fails: 'events cannot be updated, deleted or truncated, not even as a replica',
    saying: 'resolved instead of rejected',
  },
  {
    name: 'commits that do not wait for the disk',
    change: (sql) => swap(sql, `perform set_config('synchronous_commit', 'on', true)`, 'null'),
    fails: 'an acknowledged append is durable although its connection asked for less',
    saying: 'toEqual',
  },
  {
    name: 'a repetition that writes nothing',
    change: (sql) => swap(sql, `perform pg_logical_emit_message(true, 'backstory', '')`, 'null'),
    fails: 'a repeated append is a transaction that writes, so that its commit waits for a standby',
    saying: 'toBe',
  },
  {
    name: 'plans that may scan',
    change: (sql) => swap(sql, 'set enable_seqscan = off', ''),
    fails: 'no append scans the log, even with plans made while it was tiny',
    saying: 'toBe',
  },
];

const [ONE, NEW] = ['append_one_v1', 'append_new_v1'] as const;
const OWN: Scenario = 'appends to streams of their own are answered and stored as by the memory store';
/** How they begin is the same text as in append_v1. */
const MUTANTS_OF_NEW_APPENDS: readonly Mutant[] = [
  ...[ONE, NEW].flatMap((of): Mutant[] => [
    { name: `${of}: no lock`, way: of, change: withoutLock, fails: WAITS, saying: 'duplicate key' },
    {
      name: `${of}: ids that may come again`,
      way: of,
      change: (sql) => swap(sql, 'id text collate "C" not null unique', 'id text collate "C" not null'),
      fails: ORACLE,
      saying: /toEqual/,
    },
  ]),
  ...(
    [
      [ONE, 'a clock that may go back', 'greatest(head.recorded_at, ', 'greatest(null, ', TIMES],
      [ONE, 'any version', 'else coalesce(last.version, 0) = expected end', 'else true end', OWN],
      [ONE, 'a stream that need not be there', 'when -1 then last.version > 0', 'when -1 then true', OWN],
      [NEW, 'a clock that may go back', 'greatest(max(l.recorded_at), ', 'greatest(null, ', TIMES],
      [NEW, 'any version', 'if not fits then', 'if false then', OWN],
      [NEW, 'one version that holds is enough', 'bool_and(', 'bool_or(', OWN],
      [NEW, 'a stream that need not be there', 'when -1 then s.version > 0', 'when -1 then true', OWN],
      [NEW, 'no boundaries of appends', 'e.schema_version, e.append_index', 'e.schema_version, e.n - 1', OWN],
      [NEW, 'versions in another order', 'order by s.n)', 'order by s.n desc)', OWN],
    ] as const
  ).map(([of, what, from, to, fails]): Mutant => {
    const change = (sql: string) => swap(sql, from, to);
    return { name: `${of}: ${what}`, way: of, change, fails, saying: /toEqual|duplicate key/ };
  }),
];

describe('the scenarios find a mutant', () => {
  it.each([...MUTANTS, ...MUTANTS_OF_NEW_APPENDS])('$name', async ({ way: of, change, fails, saying }) => {
    way = WAYS[of ?? 'append_v1'];
    const sql = change(SQL);
    expect(sql).not.toBe(SQL);
    const failure = await failureOf(async () => SCENARIOS[fails](await openLog(sql)));
    expect(failure).toMatch(saying);
  });
});

function versionBeforeIdentity(sql: string): string {
  const identity = sql.indexOf('    -- Identity comes before');
  const version = sql.indexOf('    -- All writes or none');
  const record = sql.indexOf('    event := first_event;');
  if (Math.min(identity, version, record) < 0)
    throw new Error('The comments that mark the steps have changed.');
  return (
    sql.slice(0, identity) +
    sql.slice(version, record) +
    sql.slice(identity, version) +
    `    outcome := 'recorded';\n` +
    sql.slice(record)
  );
}

/** JSON that a database would like to normalise, or refuses. */
const AWKWARD = [
  '"\\u0000"',
  '"\\ud800"',
  '{"b":1,"a":2,"a":3}',
  ' { "spaced" : 1.0 } ',
  '1e400',
  '-0',
  '[]',
  'null',
  '"\\u0041 \\" \\\\ {NULL,} , é 漢 😀"',
  '"\u2028\u007f"',
];

function event({
  id = randomUUID(),
  data = '{}',
  own = 'null',
}: { id?: string; data?: string; own?: string } = {}): StampedEvent {
  const metadata = `{"correlationId":${JSON.stringify(id)},"source":"test","occurredAt":"2026-11-20T12:00:00.000Z","own":${own}}`;
  return { id, type: 'thing.happened', schemaVersion: 1, data, metadata };
}

function unchecked(data: string) {
  return { ...event({ data }), correlationId: 'c', causationId: undefined };
}

function write(stream: string, expected: ExpectedVersion, count = 1): Write {
  return { stream, expected, events: Array.from({ length: count }, () => event()) };
}

async function appendBatch(
  client: Client,
  batch: readonly CheckedAppend[],
): Promise<readonly AppendOutcome[]> {
  return way(client, batch);
}

async function looking(client: Client, batch: readonly CheckedAppend[]): Promise<readonly AppendOutcome[]> {
  const run = sessionOn(client, { prepare: true });
  return appendOutcomes(batch, await run<AppendRow>(appendStatement('public', batch)));
}

async function asNew(
  client: Client,
  batch: readonly CheckedAppend[],
  appends: NewAppends | undefined,
): Promise<readonly AppendOutcome[]> {
  const run = sessionOn(client, { prepare: true });
  try {
    const committed = appends?.outcomes(await run<NewAppendsRow>(appends.statement));
    if (committed) return committed.outcomes;
  } catch (error) {
    if ((error as { constraint?: string }).constraint !== 'events_id_key') throw error;
  }
  return looking(client, batch);
}

/** What the transaction is called in the write-ahead log; `null` where it has written nothing. */
async function writtenBy(client: Client): Promise<string | null> {
  const { rows } = await client.query<{ number: string | null }>(
    'select pg_current_xact_id_if_assigned()::text as number',
  );
  return rows[0]!.number;
}

/** How often the log was scanned so far. */
async function scansOf(client: Client): Promise<number> {
  await client.query('select pg_stat_force_next_flush()');
  const text = `select seq_scan::int from pg_stat_user_tables where relname = 'events'`;
  return (await client.query<{ seq_scan: number }>(text)).rows[0]!.seq_scan;
}

/** The log after a position, of all types or some. */
async function readPage(client: Client, after: number, types?: string[], size = 500): Promise<LogPage> {
  const query = resolveQuery(types ? { types, includeSystem: true } : { includeSystem: true });
  const part = { after, upTo: Number.MAX_SAFE_INTEGER, size };
  const [row] = await sessionOn(client, { prepare: true })<PartRow>(
    logStatements('public', query).whole(part),
  );
  const [head, , , , wanted, , , text] = row!;
  const events = text === null ? [] : eventsIn(text, Number(wanted));
  return {
    events,
    through: events.length === size ? events.at(-1)!.position : Math.max(after, Number(head)),
  };
}

async function appendOne(client: Client, ...writes: Write[]): Promise<AppendResult> {
  const [outcome] = await appendBatch(client, [checkAppend(writes)]);
  if (!('result' in outcome!)) throw outcome!.error;
  return outcome.result;
}

interface PlannedWrite {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  readonly ids: readonly string[];
}

/** Few streams and few ids, so that appends collide, repeat, overlap and depend on one another. */
const batches = (() => {
  const ids = fc.uniqueArray(fc.constantFrom(...'abcdefgh'), { minLength: 3, maxLength: 5 });
  const expected = fc.oneof(
    { arbitrary: fc.constant<ExpectedVersion>('any'), weight: 4 },
    { arbitrary: fc.constantFrom<ExpectedVersion>('none', 'exists', 0, 1, 2, 3), weight: 3 },
  );
  const writes = fc
    .tuple(
      fc.uniqueArray(fc.constantFrom('x-1', 'y-1', 'z-1'), { minLength: 1, maxLength: 2 }),
      ids,
      fc.integer({ min: 1, max: 3 }),
      expected,
      expected,
    )
    .map(([streams, all, cut, ...expectations]): PlannedWrite[] =>
      streams.length === 1
        ? [{ stream: streams[0]!, expected: expectations[0], ids: all.slice(0, cut) }]
        : streams.map((stream, s) => ({
            stream,
            expected: expectations[s]!,
            ids: s === 0 ? all.slice(0, 1) : all.slice(1, 1 + cut),
          })),
    );
  // Some appends are sent again, as they were or without their last event.
  const several = fc.array(fc.tuple(writes, fc.constantFrom('once', 'again', 'shortened', 'reversed')), {
    minLength: 1,
    maxLength: 4,
  });
  const batch = several.map((all) => [
    ...all.map(([it]) => it),
    ...all.filter(([, how]) => how !== 'once').map(([it, how]) => sentAgain(it, how)),
  ]);
  return fc.array(batch, { minLength: 1, maxLength: 3 });
})();

/** No two appends of a batch are to one stream; most are at the version that is known of it. */
const batchesOfOwnStreams = (() => {
  const expected = fc.oneof(
    { arbitrary: fc.constant('known' as const), weight: 12 },
    { arbitrary: fc.constant<ExpectedVersion>('any'), weight: 3 },
    { arbitrary: fc.constantFrom<ExpectedVersion>('none', 'exists', 2), weight: 2 },
  );
  const write = (stream: string) =>
    fc.record({ stream: fc.constant(stream), expected, count: fc.integer({ min: 1, max: 3 }) });
  const writes = fc
    .tuple(...['u', 'v', 'w', 'x', 'y', 'z'].map(write))
    .chain((all) =>
      fc.oneof(
        fc.shuffledSubarray(all, { minLength: 1, maxLength: 1 }),
        fc.shuffledSubarray(all, { minLength: 1 }),
      ),
    );
  // The writes of a batch, cut into appends of one or two.
  const batch = fc
    .tuple(writes, fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 6, maxLength: 6 }))
    .map(([all, cuts]) => {
      const rest = [...all];
      return cuts.map((cut) => rest.splice(0, cut)).filter((append) => append.length > 0);
    });
  return fc.array(batch, { minLength: 1, maxLength: 3 });
})();

async function storedIn(memory: MemoryEventStore): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const page of memory.readAll()) events.push(...page.events);
  return events;
}

async function versionsOf(memory: MemoryEventStore): Promise<Map<string, number>> {
  return new Map((await storedIn(memory)).map(({ stream, version }) => [stream, version]));
}

function sentAgain(writes: PlannedWrite[], how: string): PlannedWrite[] {
  if (how === 'reversed') return [...writes].reverse();
  const last = writes.at(-1)!;
  if (how === 'again' || last.ids.length === 1) return writes;
  return [...writes.slice(0, -1), { ...last, ids: last.ids.slice(0, -1) }];
}

function planned({ stream, expected, ids }: PlannedWrite, run: string): Write {
  const [category] = stream.split('-');
  return { stream: `${category}-${run}`, expected, events: ids.map((id) => event({ id: `${run}:${id}` })) };
}

function outcomeOf(result: Promise<AppendResult>): Promise<AppendOutcome> {
  return result.then(
    (it) => ({ result: it }),
    (error: unknown) => ({ error }),
  );
}

/** Without the time, and with positions counted from `head`. */
function answer(outcome: AppendOutcome, head = 0) {
  if ('error' in outcome) return outcome;
  const { appendId, repeated, position, writes } = outcome.result;
  const moved = writes.map((it) => ({ ...it, position: it.position - head }));
  return { appendId, repeated, position: position - head, writes: moved };
}

/** Until the promise is settled or its client waits for a lock. */
async function settledOrWaiting(promise: Promise<unknown>, client: Client, observer: Client): Promise<void> {
  let settled = false;
  const done = () => (settled = true);
  promise.then(done, done);
  const { processID } = client as Client & { processID: number };
  const waits = `select 1 from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'`;
  while (!settled && (await observer.query(waits, [processID])).rowCount === 0) await sleep(2);
}

/** Appends in transactions that stay open for a while, and rolls every fifth back. */
async function writeAndStall(log: Log, writer: number, kept: string[]): Promise<void> {
  const client = await log.connect();
  for (let i = 0; i < 30; i++) {
    const batch: CheckedAppend[] = [
      checkAppend([write(`own-${writer}`, 'any', 2), write(`other-${writer}`, 'any')]),
    ];
    await client.query('begin');
    await sleep(Math.random() * 3);
    await appendBatch(client, batch);
    await sleep(Math.random() * 3);
    const rollback = i % 5 === 4;
    await client.query(rollback ? 'rollback' : 'commit');
    if (!rollback) kept.push(...batch[0]!.writes.flatMap((it) => it.events.map(({ id }) => id)));
  }
}

/** Reads on from where it got to, while `more()` and once after. */
async function follow(client: Client, more: () => boolean): Promise<StoredEvent[]> {
  const seen: StoredEvent[] = [];
  for (let through = 0, last = false; !last;) {
    last = !more();
    const page = await readPage(client, through, undefined, 7);
    seen.push(...page.events);
    if (page.events.length === 7) last = false;
    through = page.through;
  }
  return seen;
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
