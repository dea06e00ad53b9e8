import { existsSync } from 'node:fs';
import { appendFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { postgres } from '@backstory/postgres';
import { reaction, subscriber } from '@backstory/router';
import { defineBackstory, sqlite, type App } from 'backstory';
import { Account, Deposited } from '../../examples/bank/backstory.config';
import { commandsOf } from '../docs/blocks';
import { blocksUnder } from '../docs/blocks-under';
import { eventually } from '../support/eventually';
import { KeptFolder } from '../support/kept-folder';
import { queryAt, unprivilegedUser } from '../support/postgres-cluster';
import { runJson } from '../support/run-cli';

const GUIDE = 'docs/guides/postgres.md';
const BIN = '/usr/lib/postgresql/15/bin';

let folder: KeptFolder;
let url: string;
const apps: App[] = [];
beforeAll(async () => {
  if (!existsSync(path.join(BIN, 'pg_basebackup')))
    throw new Error(
      'This test needs PostgreSQL 15 with its tools: install it (Debian: apt-get install postgresql-15).',
    );
  folder = await KeptFolder.create(await unprivilegedUser());
  url = `postgres://postgres@${encodeURIComponent(folder.path)}:5433/postgres`;
});
afterAll(async () => {
  for (const app of apps.splice(0)) await app.close().catch(() => undefined);
  await type('pg_ctl stop --mode=immediate').catch(() => undefined);
  await folder?.remove();
});

const place = (name: string) => path.join(folder.path, name);

/** Types a command as the one who looks after the server. */
async function type(command: string, until = ''): Promise<void> {
  const variables = {
    PATH: `${BIN}:${process.env['PATH']}`,
    PGDATA: place('data'),
    BACKUP: place('backup'),
    UNTIL: until,
    PGHOST: folder.path,
    PGPORT: '5433',
    PGUSER: 'postgres',
  };
  const setting = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'`);
  const typed = folder.start('sh', ['-c', [...setting, command].join('\n')]);
  if ((await typed.end()) !== 0) throw new Error(`${command}: ${typed.said()}`);
}

/** A server as the guide wants it. */
async function startServer(): Promise<void> {
  await type(
    'initdb --username=postgres --auth=trust --encoding=UTF8 --no-locale --no-sync && mkdir -p "$BACKUP/wal"',
  );
  const [settings = ''] = blocksUnder(GUIDE, '## Backup and recovery', 'text');
  const own = `listen_addresses = ''\nunix_socket_directories = '${folder.path}'\nport = 5433\n`;
  await appendFile(
    place('data/postgresql.conf'),
    `${settings.replaceAll('/backup', place('backup'))}\n${own}`,
  );
  await type('pg_ctl start --wait --log="$PGDATA/log"');
}

/** An application with one subscriber, whose state is in the same database or, with `state`, elsewhere. */
async function start(name: string, state?: string): Promise<{ app: App; seen: string[] }> {
  const seen: string[] = [];
  const bank = defineBackstory({
    name: 'bank',
    store: postgres(url, { responseTimeoutMs: 2_000, connectTimeoutMs: 2_000 }),
    ...(state !== undefined && { state: sqlite(state) }),
    aggregates: [Account],
    subscribers: [subscriber({ name, on: [reaction(Deposited, (event, { id }) => void seen.push(id))] })],
  });
  const app = await bank.start();
  apps.push(app);
  return { app, seen };
}

const deposit = (app: App, id: string) =>
  app.repository(Account).update(id, (account) => account.deposit(1), { create: true });

async function deposits(app: App, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await deposit(app, `${i % 3}`);
}

const statusOf = (app: App, name: string) => app.subscriptions.status(name);
const caughtUp = (app: App, name: string) =>
  eventually(async () => {
    const { lag, head } = await statusOf(app, name);
    return head > 0 && lag.seconds === 0;
  });

test('the drill: a log is brought back to a moment under running consumers, which skip nothing', async () => {
  await startServer();
  await mkdir(place('elsewhere'));
  const { app, seen } = await start('desk', place('elsewhere/state.db'));
  const beside = await start('beside');
  await deposits(app, 5);
  const [backup = '', recovery = ''] = blocksUnder(GUIDE, '## Backup and recovery', 'sh');
  await type(backup);

  await deposits(app, 5);
  const [moment] = await queryAt(url, 'select clock_timestamp()::text as now');
  await new Promise((wait) => setTimeout(wait, 100));
  await deposits(app, 10);
  await caughtUp(app, 'desk');
  await caughtUp(beside.app, 'beside');
  expect([seen.length, beside.seen.length]).toEqual([20, 20]);
  await queryAt(url, 'select pg_switch_wal()');
  const archived = `select 1 from pg_stat_archiver where last_archived_wal is not null and not exists (
    select from pg_ls_dir('pg_wal/archive_status') f where f like '%.ready')`;
  await eventually(async () => (await queryAt(url, archived)).length === 1);

  const until = String(moment!['now']);
  for (const command of commandsOf({ text: recovery } as never)) await type(command, until);

  // Both had seen more than there is, and say so.
  for (const name of ['desk', 'beside']) {
    const asked = name === 'desk' ? app : beside.app;
    const faulted = await eventually(async () => {
      const status = await statusOf(asked, name).catch(() => undefined);
      return status?.state === 'faulted' && status;
    });
    expect(faulted.reason).toMatch(/not the one this checkpoint was taken from/);
  }
  expect(await recorded(app)).toHaveLength(10);

  const { envelope } = await runJson(['store', 'adopt', '--store', url, '--actor', 'ann'], {});
  expect(envelope.data).toMatchObject({ before: { epoch: 1 }, log: { epoch: 2 } });
  await deposits(app, 15);
  // Its old position is passed, and it still mistakes no new event for one that it has seen.
  expect(await statusOf(app, 'desk')).toMatchObject({ state: 'faulted' });
  expect(seen).toHaveLength(20);

  // Whose state went back with the log goes on from there once its process begins again.
  await beside.app.close();
  const again = await start('beside');
  await caughtUp(again.app, 'beside');
  const log = await recorded(again.app);
  expect(log).toHaveLength(25);
  expect(log.slice(-15).every((id) => again.seen.includes(id))).toBe(true);

  // The other one is told to begin again, once it is known what was lost, and does so without a new process.
  seen.length = 0;
  await app.subscriptions.reset('desk', 'beginning', { actor: 'ann' });
  await eventually(() => log.every((id) => seen.includes(id)), 60_000);
});

async function recorded(app: App): Promise<string[]> {
  const ids: string[] = [];
  for await (const { events } of app.events.readAll({ types: ['account.deposited'] }))
    ids.push(...events.map(({ id }) => id));
  return ids;
}
