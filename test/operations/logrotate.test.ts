import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { blocksUnder } from '../docs/blocks-under.js';
import { eventually } from '../support/eventually.js';
import { spawnWorker } from '../support/spawn-worker.js';

let folder: string;
let worker: ChildProcess | undefined;
beforeEach(async () => void (folder = await fs.mkdtemp(path.join(os.tmpdir(), 'logrotate-'))));
afterEach(async () => {
  worker?.kill('SIGKILL');
  await fs.rm(folder, { recursive: true });
});

/** What the guide tells logrotate, for files of this folder. */
function sample(): string {
  const [, text] = blocksUnder('docs/guides/observability.md', '## The log', 'text');
  return text!.replaceAll('/var/log/shop', folder).replaceAll('/run/shop.pid', path.join(folder, 'shop.pid'));
}

async function numbers(file: string): Promise<readonly number[]> {
  const text = await fs.readFile(path.join(folder, file), 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { n: number }).n);
}

test('logrotate renames the log of a process that goes on, and no line is lost', async () => {
  worker = spawnWorker(
    path.join(__dirname, 'logging.worker.ts'),
    [path.join(folder, 'shop.log')],
    process.env,
  );
  await eventually(async () => (await numbers('shop.log')).length > 10);
  await fs.writeFile(path.join(folder, 'shop.pid'), String(worker.pid));
  await fs.writeFile(path.join(folder, 'shop.conf'), sample(), { mode: 0o644 });
  const args = ['--force', '--state', path.join(folder, 'state'), path.join(folder, 'shop.conf')];
  const { status, stderr, error } = spawnSync('logrotate', args, { encoding: 'utf8' });
  if (error) throw new Error('logrotate is not there: install the package logrotate.', { cause: error });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  await eventually(async () => (await numbers('shop.log')).length > 10);
  const exited = once(worker, 'exit');
  worker.send('end');
  expect((await exited)[0]).toBe(0);
  const all = [...(await numbers('shop.log.1')), ...(await numbers('shop.log'))];
  expect(all).toEqual(Array.from(all, (_, i) => i));
});
