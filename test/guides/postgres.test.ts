import { postgres } from '@backstory/postgres';
import { defineBackstory, type App } from 'backstory';
import { Client } from 'pg';
import { Account } from '../../examples/bank/backstory.config';
import { blocksUnder } from '../docs/blocks-under';
import { startPostgres, type PostgresServer } from '../support/postgres-server';

let server: PostgresServer;
let url: string;
const clients: Client[] = [];
beforeAll(async () => void (server = await startPostgres()));
beforeEach(async () => void (url = await server.createDatabase()));
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end();
});
afterAll(() => server?.stop());

async function connect(to = url): Promise<Client> {
  const client = new Client({ connectionString: to });
  await client.connect();
  clients.push(client);
  return client;
}

/** The same database as another user. */
function as(user: string): string {
  const other = new URL(url);
  other.username = user;
  return other.href;
}

function bankAt(url: string) {
  const store = postgres(url, { schema: 'ledger', maxConnections: 20 });
  const bank = defineBackstory({ name: 'bank', store, aggregates: [Account] });
  return bank;
}

const deposit = (app: App, id = '42') =>
  app.repository(Account).update(id, (account) => account.deposit(100), { create: true });

// The code of packages/postgres/README.md and of docs/guides/postgres.md.
test('an application keeps its log in PostgreSQL', async () => {
  const balance = () =>
    bankAt(url).run(async (app) => {
      await deposit(app);
      return (await app.repository(Account).load('42')).balance;
    });
  expect(await balance()).toBe(100);
  expect(await balance()).toBe(200);
});

test('a transaction of the application records and pays out', async () => {
  const client = await connect();
  await client.query('create table payouts (account text, amount int)');
  await bankAt(url).run(async (app) => {
    await deposit(app);
    const paid = await app.within(client, async (transaction) => {
      const account = await app.repository(Account).load('42');
      account.withdraw(100);
      await client.query(`insert into payouts (account, amount) values ('42', 100)`);
      await transaction.save(account);
    });
    expect(paid.repeated).toBe(false);
    expect((await app.repository(Account).load('42')).balance).toBe(0);
  });
  expect((await client.query('select * from payouts')).rows).toEqual([{ account: '42', amount: 100 }]);
});

describe('the roles of the guide', () => {
  const roles = ['ledger_app', 'ledger_reader'];
  let owner: Client;

  /** Roles are of the server, which other tests use as well. */
  beforeEach(async () => {
    await bankAt(url).run((app) => deposit(app));
    owner = await connect();
    await owner.query('select pg_advisory_lock(20261127)');
    for (const role of roles) await owner.query(`drop role if exists ${role}`);
    for (const sql of blocksUnder('docs/guides/postgres.md', '## Who may do what', 'sql'))
      await owner.query(sql);
  });
  afterEach(async () => {
    for (const role of roles) await owner.query(`drop owned by ${role}; drop role ${role}`);
  });

  test('an application works, and can neither change events nor anything about them', async () => {
    await bankAt(as('ledger_app')).run(async (app) => {
      await deposit(app);
      expect((await app.repository(Account).load('42')).balance).toBe(200);
      await app.state.transaction([], (state) => state.put('c', 'k', 'v'));
      const lease = await app.state.acquire('l', { owner: 'me', ttlMs: 1_000 });
      await app.state.transaction([lease!], (state) => state.delete('c', 'k'));
      await app.state.release(lease!);
      await expect(app.events.adopt()).rejects.toMatchObject({ problem: 'read-only' });
    });
    const client = await connect(as('ledger_app'));
    for (const change of [
      `update ledger.events set type = 'x'`,
      'delete from ledger.events',
      'truncate ledger.events',
      'drop table ledger.events',
      'alter table ledger.events disable trigger all',
      `update ledger.meta set epoch = 9`,
      'create table ledger.own (n int)',
    ])
      await expect(client.query(change)).rejects.toThrow(/permission denied|must be owner/);
  });

  test('a reader reads, and writes nothing', async () => {
    const app = await bankAt(as('ledger_reader')).open({ readOnly: true });
    expect((await app.repository(Account).load('42')).balance).toBe(100);
    await app.close();
    const client = await connect(as('ledger_reader'));
    const writing = `insert into ledger.state values ('c', 'k', 'v')`;
    await expect(client.query(writing)).rejects.toThrow('permission denied');
  });

  test('people ask by SQL', async () => {
    await bankAt(url).run((app) => deposit(app, '43'));
    const [view = '', question = ''] = blocksUnder('docs/guides/postgres.md', '## By SQL', 'sql');
    await owner.query(view);
    const reader = await connect(as('ledger_reader'));
    expect((await reader.query(question)).rows).toEqual([
      { account: '42', deposited: '100' },
      { account: '43', deposited: '100' },
    ]);
    await owner.query('set enable_seqscan = off');
    const plan = await owner.query('explain select * from account_events order by position');
    expect(JSON.stringify(plan.rows)).toContain('events_category');
  });
});

test('the settings for vacuum are taken', async () => {
  await bankAt(url).run((app) => deposit(app));
  const client = await connect();
  for (const sql of blocksUnder('docs/guides/postgres.md', '### Vacuum, and beyond 10⁸ events', 'sql'))
    await client.query(sql);
  await bankAt(url).run((app) => deposit(app));
  const { rows } = await client.query(
    `select reloptions from pg_class where oid = 'ledger.events'::regclass`,
  );
  expect(JSON.stringify(rows)).toContain('autovacuum_vacuum_insert_threshold=1000000');
});
