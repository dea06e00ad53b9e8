import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { spawnWorker } from '../support/spawn-worker.js';

const root = path.join(__dirname, '../..');
/** The server of this Jest run is not asked: each of these has its own. */
const { BACKSTORY_TEST_POSTGRES_URL: _, BACKSTORY_TEST_POSTGRES_SHARED: __, ...env } = process.env;
let folder: string;
const processes: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'backstory-harness-'));
  chmodSync(folder, 0o777);
});
afterEach(() => {
  for (const it of processes.splice(0)) it.kill('SIGKILL');
  // Their keepers tidy up meanwhile.
  rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
});

interface Said {
  readonly url: string;
  readonly version: number;
}

function start(args: readonly string[] = [], more: NodeJS.ProcessEnv = {}): ChildProcess {
  const file = path.join(__dirname, 'postgres-server.worker.ts');
  const worker = spawnWorker(file, args, { ...env, TMPDIR: folder, ...more });
  processes.push(worker);
  return worker;
}

/** The first line that is JSON, or what it complained about. */
async function said(it: ChildProcess): Promise<Said> {
  const complaints = text(it.stderr!);
  for await (const line of createInterface(it.stdout!))
    if (line.startsWith('{')) return JSON.parse(line) as Said;
  throw new Error(await complaints);
}

async function ended(it: ChildProcess): Promise<number | null> {
  if (it.exitCode === null && it.signalCode === null) await once(it, 'exit');
  return it.exitCode;
}

/** Neither files nor processes are left, which may take the keeper a moment. */
async function nothingLeft(): Promise<void> {
  const left = () => [
    ...readdirSync(folder).filter((it) => it.startsWith('backstory-pg-')),
    ...spawnSync('pgrep', ['-af', `^[^ ]*(postgres|sh|initdb) .*${folder}/`])
      .stdout.toString()
      .split('\n')
      .filter(Boolean),
  ];
  for (const deadline = Date.now() + 30_000; left().length > 0 && Date.now() < deadline;)
    await new Promise((wait) => setTimeout(wait, 50));
  expect(left()).toEqual([]);
}

function ownerOf(url: string): number {
  return statSync(decodeURIComponent(new URL(url).hostname)).uid;
}

test('a server runs as an ordinary user, also for root, and is gone when it is told to end', async () => {
  const worker = start();
  const { url } = await said(worker);
  expect(ownerOf(url)).not.toBe(0);
  worker.send('end');
  expect(await ended(worker)).toBe(0);
  await nothingLeft();
});

// Who is not root cannot become somebody else, and has been an ordinary user above.
if (process.getuid?.() === 0) {
  test('an ordinary user starts one, too', async () => {
    const nobody = Number(execFileSync('id', ['-u', 'nobody']));
    const worker = start([String(nobody)]);
    expect(ownerOf((await said(worker)).url)).toBe(nobody);
    worker.send('end');
    expect(await ended(worker)).toBe(0);
    await nothingLeft();
  });
}

const installed = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').map(Number) : [];

test.each([18, ...installed.filter((it) => it >= 15)])(
  'version %i is had when it is asked for',
  async (version) => {
    const worker = start([], { BACKSTORY_TEST_POSTGRES_VERSION: String(version) });
    expect(await said(worker)).toMatchObject({ version });
  },
);

test.each([
  ['99', /asks for PostgreSQL 99 and \/usr\/lib\/postgresql has .*apt-get install postgresql-99/],
  ['new', /is a major version, such as 15, not "new"/],
])('version %s is refused, not replaced by another', async (version, message) => {
  const worker = start([], { BACKSTORY_TEST_POSTGRES_VERSION: version });
  await expect(said(worker)).rejects.toThrow(message);
  expect(await ended(worker)).toBe(1);
  await nothingLeft();
});

test('a server at a URL is used, and refused when it is of another version', async () => {
  const { url, version } = await said(start());
  const own = path.dirname(url);
  const other = { BACKSTORY_TEST_POSTGRES_URL: `${own}/postgres` };
  expect(path.dirname((await said(start([], other))).url)).toBe(own);
  await expect(said(start([], { ...other, BACKSTORY_TEST_POSTGRES_VERSION: '15' }))).rejects.toThrow(
    `asks for PostgreSQL 15 and the server at BACKSTORY_TEST_POSTGRES_URL is ${version}`,
  );
});

test.each([0, 100, 200, 400, 800, 1_600])(
  'nothing is left of a server whose process is killed %i ms after it began',
  async (ms) => {
    const worker = start();
    while (readdirSync(folder).length === 0) await new Promise((wait) => setTimeout(wait, 1));
    await new Promise((wait) => setTimeout(wait, ms));
    worker.kill('SIGKILL');
    await ended(worker);
    await nothingLeft();
  },
);

describe('the test files of a Jest run', () => {
  const jest = (files: Record<string, string>, ...args: string[]) => {
    const tests = path.join(folder, 'tests');
    mkdirSync(tests);
    for (const [name, body] of Object.entries(files)) writeFileSync(path.join(tests, name), body);
    const jestOf = path.join(root, 'node_modules/jest/bin/jest.js');
    const command = [jestOf, '--roots', tests, '--testMatch', '**/*.test.js', ...args];
    const run = spawn(process.execPath, command, {
      cwd: root,
      env: { ...env, TMPDIR: folder },
      stdio: 'pipe',
    });
    processes.push(run);
    return run;
  };
  const says = (then: string) => `
    const { startPostgres } = require(${JSON.stringify(path.join(root, 'test/support/postgres-server.ts'))});
    test('says', async () => {
      const server = await startPostgres();
      const url = await server.createDatabase();
      require('fs').writeSync(1, '\\n' + JSON.stringify({ url, version: 0 }) + '\\n');
      ${then}
    }, 60_000);`;

  test('share one server, each with a database of its own, and nothing is left', async () => {
    const run = jest({ 'a.test.js': says(''), 'b.test.js': says('') }, '--maxWorkers=2');
    const lines = (await text(run.stdout)).split('\n').filter((line) => line.startsWith('{'));
    expect(await ended(run)).toBe(0);
    const urls = lines.map((line) => (JSON.parse(line) as Said).url);
    expect(new Set(urls).size).toBe(2);
    expect(new Set(urls.map((url) => path.dirname(url))).size).toBe(1);
    await nothingLeft();
  });

  test('start none when none asks', async () => {
    const run = jest({
      'a.test.js': `test('asks for nothing', () =>
        expect(require('fs').readdirSync(${JSON.stringify(folder)}).join()).not.toMatch('backstory-pg'))`,
    });
    expect(await ended(run)).toBe(0);
  });

  test('leave nothing when Jest is killed', async () => {
    const run = jest({ 'a.test.js': says('await new Promise(() => undefined);') });
    await said(run);
    run.kill('SIGKILL');
    await ended(run);
    await nothingLeft();
  });
});
