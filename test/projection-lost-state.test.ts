import { memory, type OpenStorage } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { postgres } from '@backstory/postgres';
import type { Projections } from '@backstory/projection';
import { Deposited, recording } from './support/bank-events.js';
import { IN_TIME, eventually } from './support/eventually.js';
import { queryAt } from './support/postgres-cluster.js';
import { startPostgres, type PostgresServer } from './support/postgres-server.js';
import { Balances, projectionsOn, totals } from './support/projecting.js';
import { sqliteFiles } from './support/sqlite-files.js';

let server: PostgresServer;
beforeAll(async () => void (server = await startPostgres()), 60_000);
afterAll(() => server.stop());
const files = sqliteFiles();
let log: OpenStorage;
let record: ReturnType<typeof recording>;
const running: Projections[] = [];
beforeEach(async () => {
  log = await files.opened(memory().open());
  record = recording(log.events);
  await record('1', new Deposited(5));
});
afterEach(async () => {
  for (const it of running.splice(0)) await it.close();
});

async function run(...[storage, sources, options]: Parameters<typeof projectionsOn>): Promise<Projections> {
  const projections = projectionsOn(storage, sources, { leaseMs: 300, ...options });
  running.push(projections);
  await projections.start();
  return projections;
}

/** What is known of a projection and what was folded, but not who feeds it. */
async function lose({ state }: OpenStorage, name: string): Promise<void> {
  const parts = ['progress', 'troubles', '1/documents', '1/index/balance', '1/index/kind'];
  await state.transaction([], async (tx) => {
    await tx.delete('backstory.projections', name);
    for (const part of parts) await tx.clear(`backstory.projections/${name}/${part}`);
  });
}

it('a database of the state that was dropped and made anew is filled again by the processes that run', async () => {
  const url = await server.createDatabase();
  const { state } = await files.opened(postgres(url).open());
  const told: string[] = [];
  const observer: Observer = {
    ...silent,
    consumer: (facts) => void told.push(`${facts().change} ${facts().reason}`),
  };
  const projections = await run({ ...log, state }, [Balances], { observer });
  await projections.caughtUp(Balances, 1, IN_TIME);
  const admin = Object.assign(new URL(url), { pathname: '/postgres' }).href;
  const name = new URL(url).pathname.slice(1);
  await queryAt(admin, `drop database ${name} with (force)`);
  await record('2', new Deposited(6));
  await eventually(() => told.some((it) => /^paused/.test(it)));
  await queryAt(admin, `create database ${name}`);
  await (await postgres(url).open()).close();
  const balances = async () => (await projections.of(Balances).getMany(['account-1', 'account-2'])).size;
  await eventually(async () => (await balances().catch(() => 0)) === 2);
  expect(told.filter((it) => /^faulted/.test(it))).toEqual([]);
});

it('what was lost is begun anew although nothing more is recorded', async () => {
  const projections = await run(log, [Balances]);
  await projections.caughtUp(Balances, 1, IN_TIME);
  await lose(log, 'balances');
  await eventually(
    async () =>
      (await projections
        .named('balances')
        .get('account-1')
        .catch(() => undefined)) !== undefined,
  );
});

it('who was feeding what was lost writes nothing into what another process has begun in its place', async () => {
  const projections = await run(log, [Balances]);
  await projections.caughtUp(Balances, 1, IN_TIME);
  await lose(log, 'balances');
  await run(log, [Balances]);
  await record('2', new Deposited(6));
  await eventually(async () => (await projections.named('balances').count()) === 2);
});

it('what an older version has begun anew a later one builds its own beside', async () => {
  const later = await run(log, [totals(2)]);
  await later.caughtUp('totals', 1, IN_TIME);
  await lose(log, 'totals');
  await run(log, [totals(1)]);
  await eventually(async () => {
    const { generations } = await later.status('totals');
    return generations.some(({ version, progress }) => version === 2 && progress === 1);
  });
});
