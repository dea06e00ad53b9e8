import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { memory, type Storage } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../../../../test/support/postgres-server';
import { runCli, runJson } from '../../../../test/support/run-cli';
import { anEvent, record } from '../../../../test/support/sqlite-files';

let folder: string;
beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-store-'))));
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const bank = () => `sqlite:${path.join(folder, 'bank.db')}`;
const store = (action: string, ...rest: string[]) =>
  runCli(['store', action, '--store', bank(), ...rest], {});
const data = async (action: string, ...rest: string[]) =>
  (await runJson(['store', action, '--store', bank(), ...rest], {})).envelope.data;

test('a store is made, looked at and removed', async () => {
  expect((await store('status')).stdout).toContain('there is no store yet');
  expect((await store('status')).stdout).toContain('backstory store init');
  expect(fs.readdirSync(folder)).toEqual([]);
  expect((await store('init')).stdout).toBe('sqlite:bank.db was made, version 1\n');
  expect((await store('init')).stdout).toBe('sqlite:bank.db was there, version 1\n');
  expect(await data('status')).toMatchObject({ version: 1, wanted: 1, log: { head: 0 }, pending: [] });
  expect((await store('migrate')).stdout).toContain('nothing to do');
  expect((await store('drop', '--yes')).stdout).toContain('is gone');
  expect(fs.readdirSync(folder)).toEqual([]);
});

test('nothing is removed without --yes', async () => {
  await store('init');
  const { exitCode, stderr } = await store('drop');
  expect(exitCode).toBe(2);
  expect(stderr).toContain('would be removed with its events up to position 0: add --yes');
  expect(await data('status')).toMatchObject({ version: 1 });
});

test('whoever adopts a log is recorded in it', async () => {
  await store('init');
  const { before, log } = await data('adopt', '--actor', 'ann');
  expect([before, log]).toMatchObject([{ epoch: 1 }, { epoch: 2, epochStart: 0 }]);
  const { envelope } = await runJson(['events', '--system', '--store', bank()], {});
  expect(envelope.data.events).toMatchObject([
    { type: 'store.adopted', stream: '_store', data: { epoch: 2 }, metadata: { actor: 'ann' } },
  ]);
  expect((await store('status')).stdout).toContain('epoch 2 from position 0');
});

test.each([
  [['store', 'fly'], 'choices'],
  [['store', 'status', '--plan'], '--plan belongs to store migrate'],
  [['store', 'init', '--yes'], '--yes belongs to store drop'],
  [['store', 'drop', '--actor', 'ann'], '--actor belongs to store adopt'],
])('%j is refused', async (argv, message) => {
  const { exitCode, stderr } = await runCli([...argv, '--store', bank()], {});
  expect({ exitCode, said: stderr.toLowerCase() }).toEqual({
    exitCode: 2,
    said: expect.stringContaining(message) as string,
  });
});

test.each(['migrate', 'drop', 'adopt'])('where there is no store there is nothing to %s', async (action) => {
  const { exitCode, stderr } = await store(action, ...(action === 'drop' ? ['--yes'] : []));
  expect(exitCode).toBe(3);
  expect(stderr).toContain(action === 'adopt' ? 'Nothing was made' : 'backstory store init');
  expect(fs.readdirSync(folder)).toEqual([]);
});

test('what is in memory is not looked after', async () => {
  const definition = { name: 'bank', store: memory(), aggregates: [] } as never;
  const { exitCode, stderr } = await runCli(['store', 'status'], { definition });
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('memory') as string,
  });
});

describe('in PostgreSQL', () => {
  let server: PostgresServer;
  let url: string;
  beforeAll(async () => void (server = await startPostgres()));
  afterAll(() => server?.stop());
  beforeEach(async () => void (url = await server.createDatabase()));
  const at = (schema?: string) => `${url}${schema === undefined ? '' : `?schema=${schema}`}`;
  const run = (...argv: string[]) => runCli(argv, {});

  test('--store takes a URL, with the name of a schema', async () => {
    expect((await run('store', 'init', '--store', at('ledger'))).stdout).toContain('was made, version 1');
    expect((await run('store', 'status', '--store', at())).stdout).toContain('there is no store yet');
    const storage = await postgres(url, { schema: 'ledger' }).open();
    await record(storage.events, 'a-1', anEvent());
    await storage.close();
    expect((await run('streams', '--store', at('ledger'))).stdout).toContain('a-1');
    const status = (await run('store', 'status', '--store', at('ledger'))).stdout;
    expect(status).toMatch(/head +1\n/);
    expect(status).toMatch(/server +PostgreSQL \d+/);
  });

  test('what store sql prints makes the store', async () => {
    const { stdout } = await run('store', 'sql', '--store', at('ledger'));
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(stdout);
    await client.end();
    expect((await run('store', 'status', '--store', at('ledger'))).stdout).toContain('version');
    expect((await run('store', 'migrate', '--plan', '--store', at('ledger'))).stdout).toContain(
      'nothing to do',
    );
  });

  test('a password is not shown', async () => {
    const secret = at().replace('postgres@', 'postgres:secret@');
    const { stdout, stderr } = await run('store', 'status', '--store', secret, '--json');
    expect(stdout + stderr).not.toContain('secret');
  });
});

test('a plan shows the SQL of each step, and for whom', async () => {
  const step = { version: 2, summary: 'a note', usableFrom: 1, sql: 'alter table x;\nselect 1;' };
  const administration = {
    status: async () => ({ store: 'test', version: 1, wanted: 2, log: undefined, facts: {} }),
    plan: async () => [step],
    migrate: async () => [step],
    close: async () => undefined,
  };
  const storage = { ...memory(), administer: async () => administration } as unknown as Storage;
  const definition = { name: 'bank', store: storage, aggregates: [] } as never;
  const shown = async (...argv: string[]) => (await runCli(['store', ...argv], { definition })).stdout;
  expect(await shown('migrate', '--plan')).toBe(
    '-- 2: a note; usable by releases that know 1 or later\nalter table x;\nselect 1;\n',
  );
  expect(await shown('migrate')).toBe('  2  a note\n');
  expect(await shown('status')).toContain('Move it on with backstory store migrate:\n  2  a note');
});
