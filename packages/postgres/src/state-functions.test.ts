import { FenceLost, type Lease, type StateTransaction } from '@backstory/core/state';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { Database } from './database.js';
import { eventually } from '../../../test/support/eventually.js';
import { failureOf } from '../../../test/support/failure-of.js';
import { PostgresStateStore } from './postgres-state-store.js';
import { postgres } from './postgres.js';
import { schemaSql } from './schema.js';
import type { Queries, Run } from './session.js';
import { inTransaction } from './transaction.js';

const SQL = schemaSql('public');

let server: PostgresServer;
const opened: PostgresStateStore[] = [];
beforeAll(async () => void (server = await startPostgres()));
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(() => server?.stop());

/** As another isolation level would have it. */
class OtherIsolation extends Database {
  isolation = 'serializable';
  override session<T>(work: (run: Run, discard: () => void, client: Queries) => Promise<T>): Promise<T> {
    return super.session((run, discard, client) =>
      work(
        (statement) => {
          const text = statement.text.replace(
            'isolation level serializable',
            `isolation level ${this.isolation}`,
          );
          return run({ ...statement, text });
        },
        discard,
        client,
      ),
    );
  }
}

/** Two processes on one database. A wait for a lock that does not end becomes an error. */
async function openStores({ sql = SQL, isolation = 'serializable' } = {}) {
  const connection = { connectionString: await server.createDatabase(), options: '-c lock_timeout=1000' };
  const databases = [1, 2].map(() => {
    const named = { store: 'postgres:test', schema: 'public' };
    const database = new OtherIsolation({ ...named, connection, maxConnections: 4, prepare: true });
    database.isolation = isolation;
    opened.push(new PostgresStateStore(database.retain(), { transactionTimeoutMs: 30_000 }));
    return database;
  });
  await databases[0]!.session((run) => run({ text: sql }));
  return { stores: opened.slice(-2) as Stores, database: databases[0]! };
}

type Stores = [PostgresStateStore, PostgresStateStore];

const SCENARIOS = {
  'transactions of two processes behave as if they ran one after another': async ([one, two]: Stores) => {
    await Promise.all([one, two, one, two].map((store) => countTo(store, 15)));
    expect(await one.transaction([], (state) => state.get('counts', 'a'))).toBe('60');
  },

  'a former owner that stalled in its work holds up nobody and writes nothing': async ([
    one,
    two,
  ]: Stores) => {
    const lease = await held(one.acquire('partition-1', { owner: 'one', ttlMs: 1 }));
    const stalled = one.transaction([lease], async (state) => {
      await state.put('marks', 'by', 'one');
      await sleep(5);
      const taken = await held(two.acquire('partition-1', { owner: 'two', ttlMs: 60_000 }));
      expect(taken.token).toBeGreaterThan(lease.token);
      await two.transaction([taken], (theirs) => theirs.put('other marks', 'by', 'two'));
    });
    await expect(stalled).rejects.toEqual(new FenceLost('partition-1', lease.token));
    expect(await two.transaction([], (state) => state.get('marks', 'by'))).toBe(undefined);
    expect(await one.renew([lease])).toEqual([]);
  },

  'heartbeats do not make long work run again': async ([one, two]: Stores) => {
    const lease = await held(one.acquire('partition-1', { owner: 'one', ttlMs: 60_000 }));
    let runs = 0;
    await one.transaction([lease], async (state) => {
      runs++;
      await state.put('marks', 'by', 'one');
      expect(await two.renew([lease])).toMatchObject([{ name: 'partition-1' }]);
      expect((await two.acquire('partition-1', { owner: 'one', ttlMs: 60_000 }))?.token).toBe(lease.token);
    });
    expect(runs).toBe(1);
  },

  'of two that want a lease that has run out exactly one gets it': async ([one, two]: Stores, database) => {
    await one.acquire('partition-1', { owner: 'former', ttlMs: 1 });
    await sleep(3);
    const wanting: Promise<Lease | undefined>[] = [];
    await database.session((run) =>
      inTransaction(run, { begin: 'begin' }, async () => {
        await run({ text: "select from leases where name = 'partition-1' for update" });
        wanting.push(one.acquire('partition-1', { owner: 'one', ttlMs: 60_000 }));
        wanting.push(two.acquire('partition-1', { owner: 'two', ttlMs: 60_000 }));
        await eventually(async () => (await waitingForLocks(database)) === 2);
      }),
    );
    expect((await Promise.all(wanting)).filter((lease) => lease !== undefined)).toHaveLength(1);
  },

  'an owner of whom the server has lost all knowledge stays lost': async ([one, two]: Stores, database) => {
    const lost = await held(one.acquire('partition-1', { owner: 'one', ttlMs: 60_000 }));
    // As after a failover to a standby that has seen no lease.
    await database.session((run) => run({ text: 'truncate leases, lease_times' }));
    const taken = await held(two.acquire('partition-1', { owner: 'two', ttlMs: 60_000 }));
    await expect(one.transaction([lost], (state) => state.put('marks', 'by', 'one'))).rejects.toEqual(
      new FenceLost('partition-1', lost.token),
    );
    expect(await one.renew([lost])).toEqual([]);
    await one.release(lost);
    expect(await two.renew([taken])).toMatchObject([{ owner: 'two' }]);
  },

  'a lease is released by its owner alone': async ([one, two]: Stores) => {
    const lease = await held(one.acquire('partition-1', { owner: 'one', ttlMs: 60_000 }));
    await two.release({ ...lease, owner: 'two' });
    expect(await one.renew([lease])).toMatchObject([{ owner: 'one' }]);
  },

  'leases that are asked for in one turn are each given or refused for themselves': async ([
    one,
    two,
  ]: Stores) => {
    await held(one.acquire('partition-2', { owner: 'one', ttlMs: 60_000 }));
    const names = [3, 2, 1, 1].map((i) => `partition-${i}`);
    const asked = names.map((name, i) => two.acquire(name, { owner: `o${i}`, ttlMs: 60_000 }));
    const given = (await Promise.all(asked)).map((lease) => lease && [lease.name, lease.owner]);
    expect(given).toEqual([['partition-3', 'o0'], undefined, ['partition-1', 'o2'], undefined]);
  },
} satisfies Record<string, Scenario>;

describe('state with a fence', () => {
  it.each(Object.entries(SCENARIOS))('%s', async (_, scenario) => played(scenario));
});

type Scenario = (stores: Stores, database: Database) => Promise<void>;

async function played(scenario: Scenario, options?: Parameters<typeof openStores>[0]): Promise<void> {
  const { stores, database } = await openStores(options);
  await scenario(stores, database);
}

const STALLS = 'a former owner that stalled in its work holds up nobody and writes nothing';
const MUTANTS: readonly {
  readonly name: string;
  readonly sql?: string;
  readonly isolation?: string;
  readonly fails: keyof typeof SCENARIOS;
  readonly saying: string;
}[] = [
  {
    name: 'read committed',
    isolation: 'read committed',
    fails: 'transactions of two processes behave as if they ran one after another',
    saying: 'toBe',
  },
  {
    name: 'no check after the work',
    sql: change(
      'perform from leases where name = lease_name and token = lease_token and owner is not null for share',
      'perform 1',
    ),
    fails: STALLS,
    saying: 'Received promise resolved instead of rejected',
  },
  {
    name: 'a lock before the work',
    sql: change('owner is not null;\n', 'owner is not null for share;\n'),
    fails: STALLS,
    saying: 'lock timeout',
  },
  {
    name: 'heartbeats that touch the lease',
    sql: change(
      'for share of l\n',
      'for share of l\n  ), touched as (update leases set owner = owner where name = any(names)\n',
    ),
    fails: 'heartbeats do not make long work run again',
    saying: 'could not serialize access',
  },
  {
    name: 'tokens that begin anew',
    sql: change(
      'greatest(token + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint)',
      'token + 1',
    ),
    fails: 'an owner of whom the server has lost all knowledge stays lost',
    saying: 'Received promise resolved instead of rejected',
  },
  {
    name: 'a takeover that does not lock first',
    sql: change(' where name = lease_name for update;', ' where name = lease_name;'),
    fails: 'of two that want a lease that has run out exactly one gets it',
    saying: 'toHaveLength',
  },
];

describe('the scenarios find a mutant', () => {
  it.each(MUTANTS)('$name', async ({ sql = SQL, isolation = 'serializable', fails, saying }) => {
    const failure = await failureOf(async () => played(SCENARIOS[fails], { sql, isolation }));
    expect(failure).toMatch(saying);
  });
});

function change(from: string, to: string): string {
  if (!SQL.includes(from))
    throw new Error(`The SQL has no "${from}" to change: keep this mutant in step with it.`);
  return SQL.replace(from, to);
}

async function countTo(store: PostgresStateStore, times: number): Promise<void> {
  const addOne = async (state: StateTransaction) => {
    const count = Number((await state.get('counts', 'a')) ?? 0);
    await state.put('counts', 'a', String(count + 1));
  };
  for (let i = 0; i < times; i++) await store.transaction([], addOne);
}

async function held(lease: Promise<Lease | undefined>): Promise<Lease> {
  const given = await lease;
  if (given === undefined) throw new Error('somebody else holds the lease');
  return given;
}

async function waitingForLocks(database: Database): Promise<number> {
  const [row] = await database.read<[string]>({
    text: "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  });
  return Number(row?.[0]);
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

it('a transaction under a fence whose process has stopped lets go of its rows while the process still stands', async () => {
  const url = await server.createDatabase();
  const [one, two] = [await postgres(url).open(), await postgres(url).open()];
  try {
    const lease = await held(one.state.acquire('partition-1', { owner: 'one', ttlMs: 1 }));
    let wentOn = false;
    const stopped = one.state.transaction([lease], async (state) => {
      await state.put('marks', 'by', 'one');
      await sleep(6_000);
      wentOn = true;
    });
    const failed = expect(stopped).rejects.toMatchObject({ code: 'BACKSTORY_STORE_UNAVAILABLE' });
    await sleep(200);
    const taken = await held(two.state.acquire('partition-1', { owner: 'two', ttlMs: 60_000 }));
    await two.state.transaction([taken], (state) => state.put('marks', 'by', 'two'));
    expect(wentOn).toBe(false);
    await failed;
    expect(await one.state.read((view) => view.get('marks', 'by'))).toBe('two');
  } finally {
    await one.close();
    await two.close();
  }
});
