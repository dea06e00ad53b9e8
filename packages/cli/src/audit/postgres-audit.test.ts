import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { postgres } from '@backstory/postgres';
import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../../../../test/support/postgres-server';
import { runCli, runJson } from '../../../../test/support/run-cli';
import { fillShop, shopOn, type Shop } from '../../../../test/support/shop';

let server: PostgresServer;
let url: string;
let cwd: string;
let definition: Shop;
const audit = (...argv: string[]) => runCli(['audit', ...argv], { cwd, definition });
const here = (name: string) => path.join(cwd, name);

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());
beforeEach(async () => {
  cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-cli-postgres-audit-'));
  url = await server.createDatabase();
  definition = shopOn(postgres(url, { maxConnections: 2 }));
  await definition.run(fillShop);
});
afterEach(() => fs.rmSync(cwd, { recursive: true }));

async function behindItsBack(sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`set search_path = backstory; alter table events disable trigger all; ${sql}`);
  } finally {
    await client.end();
  }
}

test('a log on PostgreSQL is sealed, verified, proven, reported and exported', async () => {
  expect(await audit('keys', 'create', '--key', 'key.pem')).toMatchObject({ exitCode: 0, stderr: '' });
  const sealing = await audit('seal', '--key', 'key.pem', '--actor', 'ann');
  expect(sealing).toMatchObject({ exitCode: 0, stderr: '' });
  expect(sealing.stdout).toMatch(/^Seal 1 covers 6 events, 6 of them new, up to position 6\.\n/);
  fs.copyFileSync(here('audit/head.json'), here('kept.json'));
  const fine = await audit('verify', '--anchor', 'kept.json');
  expect(fine).toMatchObject({ exitCode: 0, stderr: '' });
  expect(fine.stdout).toMatch(/^Nothing that was sealed has changed: 6 events in 1 seal\.\n/);

  const { envelope } = await runJson(['events', '--stream', 'payment-9'], { cwd, definition });
  const [{ id }] = envelope.data.events;
  expect((await audit('prove', id, '--payload', '--out', 'proof.json')).exitCode).toBe(0);
  expect((await audit('keys', 'public', '--out', 'public.pem')).exitCode).toBe(0);
  const checked = await audit('check-proof', 'proof.json', '--key', 'public.pem');
  expect(checked).toMatchObject({ exitCode: 0, stderr: '' });
  expect(checked.stdout).toContain('data: {"amount":7}');

  const report = await audit('report', '--stream', 'payment-9');
  expect(report).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('payment.taken') });
  expect(await audit('export', 'package')).toMatchObject({ exitCode: 0, stderr: '' });
  const check = spawnSync(process.execPath, ['check.js', '--key', here('public.pem')], {
    cwd: here('package'),
    encoding: 'utf8',
  });
  expect(check).toMatchObject({ status: 0, stdout: expect.stringMatching(/^PROVEN: all 6 events/) });

  await definition.run(fillShop);
  expect((await audit('seal', '--key', 'key.pem')).exitCode).toBe(0);
  expect((await audit('prove-consistency', 'kept.json', '--out', 'c.json')).exitCode).toBe(0);
  expect((await audit('check-proof', 'c.json')).stdout).toMatch(/^PROVEN: seal 2 .* contains all 6 events/);
});

test('what was done to it behind its back is named, and no package is made of it', async () => {
  await audit('keys', 'create', '--key', 'key.pem');
  await audit('seal', '--key', 'key.pem');
  await behindItsBack(`update events set data = '{"amount":70}' where type = 'payment.taken'`);
  const { exitCode, stdout } = await audit('verify');
  expect({ exitCode, stdout }).toEqual({
    exitCode: 1,
    stdout: expect.stringMatching(
      /^position 5: payment\.taken \(payment-9 v1\) was altered: its data\n5 of 6/,
    ),
  });
  expect((await audit('export', 'package')).exitCode).toBe(1);
  expect(fs.existsSync(here('package'))).toBe(false);
});
