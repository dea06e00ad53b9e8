import { memory, type OpenStorage, type RecordedEvent, type StateStore } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import { sqlProjection, type Tables } from '@backstory/projection/sql';
import { sqlite } from '@backstory/sqlite';
import { Deposited, recording } from './support/bank-events.js';
import { IN_TIME, eventually } from './support/eventually.js';
import { startPostgres, type PostgresServer } from './support/postgres-server.js';
import { projectionsOn } from './support/projecting.js';
import { sqliteFiles } from './support/sqlite-files.js';

const tables = { sums: { columns: { account: 'text', sum: 'bigint not null' }, key: ['account'] } } as const;

/** Sums by account, by a handler that takes its time over a deposit of 2. */
function sums(version: number, seconds: number) {
  return sqlProjection('sums', {
    version,
    tables,
    events: { Deposited },
    handle: {
      Deposited: async ({ amount }, { stream }, { sql, sums }) => {
        if (amount === 2 && seconds > 0) await sql`select pg_sleep(${seconds})`;
        await sql`insert into ${sums} as a (account, sum) values (${stream}, ${amount})
          on conflict (account) do update set sum = a.sum + excluded.sum`;
      },
    },
  });
}

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()), 60_000);
afterAll(() => server.stop());
const files = sqliteFiles();

it.each([0, 1])(
  'a swap waits for one whose handlers take long, and is not in its way: it has %d of 3 events',
  async (has) => {
    const storage = postgres(await server.createDatabase());
    const [a, b] = [await files.opened(storage.open()), await files.opened(storage.open())] as [
      OpenStorage,
      OpenStorage,
    ];
    const record = recording(a.events);
    const [first, second] = [projectionsOn(a, [sums(1, 0)]), projectionsOn(b, [sums(2, 2.2)])];
    await first.start();
    for (const amount of [1, 2, 2].slice(0, has)) await record('1', new Deposited(amount));
    if (has > 0) await second.start();
    if (has > 0) await second.filled('sums', 2);
    for (const amount of [1, 2, 2].slice(has)) await record('1', new Deposited(amount));
    await first.caughtUp('sums', 3, IN_TIME);
    if (has === 0) await second.start();
    expect(await second.swap('sums')).toMatchObject({ generation: 2, was: 1, position: 3, behind: 0 });
    const found = await second.tables<'sums'>('sums').query(({ sql, sums }) => sql`select sum from ${sums}`);
    expect(found).toEqual([{ sum: 5 }]);
    await first.close();
    await second.close();
  },
);

/** Sums by account, by a handler that first does something else as well. */
function sumsAfter(
  first: (event: Deposited, recorded: RecordedEvent<Deposited>) => Promise<void>,
  after: (event: Deposited, recorded: RecordedEvent<Deposited>) => void = () => undefined,
) {
  return sqlProjection('sums', {
    version: 1,
    tables,
    events: { Deposited },
    handle: {
      Deposited: async (event, recorded, { sql, sums }: Tables<'sums'>) => {
        await first(event, recorded);
        await sql`insert into ${sums} as a (account, sum) values (${recorded.stream}, ${event.amount})
          on conflict (account) do update set sum = a.sum + excluded.sum`;
        after(event, recorded);
      },
    },
  });
}

/** A log in memory, in whose way no transaction of the state is. */
async function opened(options: Parameters<typeof sqlite>[1] = {}): Promise<OpenStorage> {
  const log = await files.opened(memory().open());
  const { state } = await files.opened(sqlite(files.newFile(), options).open());
  return Object.assign(Object.create(log) as OpenStorage, { state });
}

it('what is before an event that fails is committed, also where one event has come behind its batch', async () => {
  const storage = await opened();
  const record = recording(storage.events);
  let [reached, release] = [() => undefined as void, () => undefined as void];
  const isReached = new Promise<void>((resolve) => (reached = resolve));
  const isReleased = new Promise<void>((resolve) => (release = resolve));
  const unlucky = sumsAfter(async ({ amount }) => {
    if (amount !== 13) return;
    reached();
    await isReleased;
    throw new Error('unlucky');
  });
  await record('1', ...[1, 2, 3, 13].map((amount) => new Deposited(amount)));
  const projections = projectionsOn(storage, [unlucky]);
  await projections.start();
  await isReached;
  await record('1', new Deposited(1));
  // Until it is the batch after.
  await new Promise((wait) => setTimeout(wait, 300));
  release();
  const faulted = await eventually(async () => {
    const now = await projections.status('sums');
    return now.state === 'faulted' && now;
  });
  await projections.close();
  expect(faulted.position).toBe(3);
});

it('a backlog for which handlers take longer than a transaction may is committed in parts', async () => {
  const storage = await opened({ transactionTimeoutMs: 2_000 });
  const slow = sumsAfter(() => new Promise((wait) => setTimeout(wait, 100)));
  await recording(storage.events)('1', ...Array.from({ length: 40 }, () => new Deposited(1)));
  const projections = projectionsOn(storage, [slow]);
  await projections.start();
  const parts = await eventually(async () => {
    const { position, state, reason } = await projections.status('sums');
    if (state === 'retrying') throw new Error(reason);
    return position > 0 && position;
  });
  await projections.caughtUp('sums', 40, IN_TIME);
  const found = await projections
    .tables<'sums'>('sums')
    .query(({ sql, sums }) => sql`select sum from ${sums}`);
  await projections.close();
  expect([parts < 40, found]).toEqual([true, [{ sum: 40 }]]);
});

it('a handler that changes its event is given it anew when its transaction runs again', async () => {
  const storage = await opened();
  const { state } = storage;
  const again: StateStore = Object.assign(Object.create(state) as StateStore, {
    transaction: (async (fences, work) => {
      const first = state.transaction(fences, async (tx) => {
        await work(tx);
        throw new Error('again');
      });
      await first.catch(() => undefined);
      return state.transaction(fences, work);
    }) satisfies StateStore['transaction'],
  });
  const times = new Set<number>();
  const careless = sumsAfter(
    async (_event, { recordedAt }) => void times.add(recordedAt.getTime()),
    (event, { recordedAt }) => {
      (event as { amount: number }).amount = 0;
      recordedAt.setTime(0);
    },
  );
  await recording(storage.events)('1', new Deposited(5));
  const projections = projectionsOn({ ...storage, events: storage.events, state: again }, [careless]);
  await projections.start();
  await projections.caughtUp('sums', 1, IN_TIME);
  const sums = projections.tables<'sums'>('sums');
  const now = await sums.query(({ sql, sums: own }) => sql`select sum from ${own}`);
  const then = await sums.asOf(1).query(({ sql, sums: own }) => sql`select sum from ${own}`);
  await projections.close();
  expect([now, then, times.has(0)]).toEqual([[{ sum: 5 }], [{ sum: 5 }], false]);
});
