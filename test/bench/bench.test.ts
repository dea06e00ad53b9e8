import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DriverName } from '@backstory/sqlite';
import { driverFor } from '../../packages/sqlite/src/choose-driver.js';
import { openFile } from '../../packages/sqlite/src/open-file.js';
import { SqliteFile } from '../../packages/sqlite/src/sqlite-file.js';
import { NotDone, measure, median } from './measure.js';
import { Usage, readOptions } from './options.js';
import type { Contest, Row, Side } from './row.js';
import {
  bothSides,
  expectIdleNoticed,
  expectPromisesMeasured,
  expectTransactions,
  rowCalled,
  rowNames,
  withSide,
} from './row-checks.js';
import { resultLine } from './report.js';
import { rows } from './rows.js';
import { bareDatabase, checkSameTables } from './sqlite/bare-database.js';

/** Rows that are promised; there may be more. */
const PROMISED = [
  'core.fold',
  'postgres.append.concurrent32',
  'postgres.append.processes4',
  'postgres.append.sealed',
  'postgres.append.single',
  'postgres.audit.seal',
  'postgres.audit.verify',
  'postgres.follow',
  'postgres.load1000',
  'postgres.poisoned',
  'postgres.rebuild',
  'postgres.subscribe',
  'sqlite.append.batch100',
  'sqlite.append.concurrent64',
  'sqlite.append.sealed',
  'sqlite.append.single',
  'sqlite.audit.seal',
  'sqlite.audit.verify',
  'sqlite.check',
  'sqlite.follow',
  'sqlite.load1000',
  'sqlite.poisoned',
];
const NAMES = rowNames();
/** The others have a test of their own, with their server. */
const OTHERS = NAMES.filter((name) => !name.startsWith('postgres.'));
/** How many rows the bare side writes in a transaction: as many as its sentence says. */
const BARE_TRANSACTIONS = [
  ['sqlite.append.batch100', 100],
  ['sqlite.append.concurrent64', 100],
  ['sqlite.append.single', 1],
] as const;
const PRAGMAS = [
  'synchronous',
  'journal_mode',
  'page_size',
  'wal_autocheckpoint',
  'journal_size_limit',
  'cache_size',
  'temp_store',
  'mmap_size',
  'locking_mode',
];
const signal = new AbortController().signal;
const server = () => Promise.reject(new Error('These rows need no server.'));
let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'backstory-bench-test-'));
});
afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('every file of the folder is a row, named after its file', async () => {
  expect((await rows()).map(({ name }) => name)).toEqual(NAMES);
  expect(NAMES).toEqual(expect.arrayContaining(PROMISED));
});

describe.each([
  'libsql',
  ...(process.versions.node.startsWith('20.') ? [] : ['node:sqlite']),
] as DriverName[])('with %s', (driver) => {
  const tiny = () => ({ folder, driver, server, scale: 0.02, rounds: 1, signal });

  test.each(OTHERS)('%s does on both sides what it says', async (name) => {
    const result = await measure(await rowCalled(name), tiny());
    expect(result).toMatchObject({ name, unit: 'events/s', rounds: [expect.anything()] });
    expect(result.ratio).toBeCloseTo(result.ours / result.bare);
    expectPromisesMeasured(result);
    if (name.startsWith('sqlite.')) expect(result.ddl).toMatch(/CREATE TABLE events .*CREATE UNIQUE INDEX/s);
  });

  test.each(bothSides(OTHERS))('%s notices when %s does nothing', async (name, who) => {
    await expectIdleNoticed(name, who, tiny());
  });

  test.each(BARE_TRANSACTIONS)('the bare side of %s commits every %i rows', async (name, rowsEach) => {
    await expectTransactions(name, rowsEach, { ...tiny(), scale: 0.1 });
  });

  test('a bare side that lacks an index, or has other columns, is refused before it is measured', () => {
    const [ours, bare] = ['ours', 'bare'].map((name) => bareDatabase(driver, path.join(folder, name)));
    for (const it of [ours!, bare!]) it.exec('CREATE TABLE events (id TEXT)');
    expect(() => checkSameTables(ours!, bare!)).not.toThrow();
    ours!.exec('CREATE INDEX events_id ON events (id)');
    expect(() => checkSameTables(ours!, bare!)).toThrow(/not have the same tables and indexes.*events_id/s);
    for (const it of [ours!, bare!]) it.close();
  });

  test("the bare connection has the settings of the store's own", async () => {
    const options = { store: 'bench', path: path.join(folder, 'a.db'), readOnly: false };
    const limits = { lockTimeoutMs: 1_000, transactionTimeoutMs: 1_000, synchronous: 'full' } as const;
    const access = await openFile(await driverFor(driver, 'bench'), { ...options, ...limits });
    const file = (await SqliteFile.connect(access, { store: 'bench', ...limits })).retain();
    const bare = bareDatabase(driver, path.join(folder, 'b.db'));
    bare.exec('CREATE TABLE events (id TEXT)');
    const ours = await file.write((session) => PRAGMAS.map((it) => session.all(`PRAGMA ${it}`)));
    const theirs = PRAGMAS.map((it) => bare.prepare(`PRAGMA ${it}`).all([]));
    bare.close();
    await file.release();
    expect(theirs).toEqual(ours);
    expect(theirs.slice(0, 2)).toEqual([[[2]], [['wal']]]);
  });
});

test('a round that was done twice is noticed as well', async () => {
  const busy = withSide(await rowCalled('sqlite.follow'), 'ours', (side) => ({
    ...side,
    run: async () => {
      await side.run();
      await side.run();
    },
  }));
  const tiny = { folder, driver: 'libsql', server, scale: 0.02, rounds: 1, signal } as const;
  await expect(measure(busy, tiny)).rejects.toThrow(NotDone);
});

test('rounds alternate, each side first in turn, and the first two do not count', async () => {
  const order: string[] = [];
  const side = (name: string): Side => ({ run: () => void order.push(name), proof: () => 'done' });
  const contest = { amount: 1, expected: 'done', ours: side('ours'), bare: side('bare') };
  const row = rowOf({ ...contest, close: async () => void order.push('closed') });
  const result = await measure(row, { folder, driver: 'libsql', server, scale: 1, rounds: 2, signal });
  expect(order.join(' ')).toBe('ours bare bare ours ours bare bare ours closed');
  expect(result.rounds).toHaveLength(2);
});

test('of each promise it is told whether it was met: of the ratio, our speed, and what else is told', () => {
  const told = (ours: number, heap: number) =>
    resultLine({
      ...{ name: 'a.row', unit: 'events/s', ours, bare: 100_000, ratio: ours / 100_000, target: 0.3 },
      ...{ also: { waited: 12.34, heap }, rounds: [{ ours, bare: 100_000 }] },
      promised: { 'events/s': { atLeast: 25_000 }, heap: { atMost: 1.25 } },
    }).split('\n');
  const good = told(40_000, 1.25);
  expect(good[0]).toMatch(/ 0\.30 +met$/);
  expect(good.slice(1)).toEqual([
    '  events/s 40,000, at least 25,000: met',
    '  waited 12.3',
    '  heap 1.25, at most 1.25: met',
  ]);
  const bad = told(24_999, 1.26);
  expect(bad[0]).toMatch(/ 0\.30 +missed$/);
  expect([bad[1], bad[3]]).toEqual([
    '  events/s 24,999, at least 25,000: missed',
    '  heap 1.26, at most 1.25: missed',
  ]);
});

test('a median is the middle, or between the two in the middle', () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7]);
});

test('the command line is read, and what it does not know is refused with what there is', async () => {
  const all = await rows();
  const read = (...argv: string[]) => readOptions(argv, all);
  const named = (...argv: string[]) => {
    const options = read(...argv);
    return options === 'help' ? options : options.rows.map(({ name }) => name);
  };
  expect(named()).toEqual(NAMES);
  expect(named('--only', 'sqlite.append', '--only', 'core.fold')).toEqual([
    'core.fold',
    ...PROMISED.filter((name) => name.startsWith('sqlite.append')),
  ]);
  expect(read('--json', 'x.json', '--rounds', '3', '--scale', '0.5', '--driver', 'libsql')).toMatchObject({
    json: 'x.json',
    rounds: 3,
    scale: 0.5,
    driver: 'libsql',
  });
  expect(named('--help')).toBe('help');
  for (const argv of [
    ['--rounds', '0'],
    ['--rounds', '1.5'],
    ['--scale', '-1'],
    ['--driver', 'oracle'],
    ['--fast'],
    ['--only', ''],
    ['--dir', path.join(folder, 'none')],
    ['--dir', __filename],
    ['--json', path.join(folder, 'none', 'x.json')],
    ['--json', folder],
    ['--json', path.join(__filename, 'x.json')],
    ['--json', ''],
    ['x'],
  ]) {
    expect(() => read(...argv)).toThrow(Usage);
  }
  expect(() => read('--only', 'nothing')).toThrow(
    /no row "nothing"\. There are:\n {2}core\.fold\n {2}postgres/,
  );
});

test('the program prints a table with its targets and the tables compared, and writes the file', async () => {
  const file = path.join(folder, 'results.json');
  const size = ['--scale', '0.02', '--rounds', '2'];
  const bench = run(['--only', 'sqlite.append', ...size, '--json', file, '--dir', folder]);
  expect(await bench.ended).toEqual({ code: 0, signal: null, complaints: '' });
  expect(bench.said()).toMatch(/sqlite\.append\.batch100 .* events\/s .* 0\.80 (met|missed)\n/);
  expect(bench.said()).toMatch(/ours: .*\n {2}bare: .*\n/);
  expect(bench.said()).toMatch(/CREATE UNIQUE INDEX events_id/);
  const report = JSON.parse(readFileSync(file, 'utf8')) as { results: unknown[] };
  const number = expect.any(Number) as number;
  const speeds = { ours: number, bare: number };
  const appends = PROMISED.filter((name) => name.startsWith('sqlite.append'));
  const results = [0.8, 0.5, 0.9, null].map((target, i) => {
    const rounds = [speeds, speeds];
    return { name: appends[i], unit: 'events/s', ...speeds, ratio: number, target, also: {}, rounds };
  });
  expect(report).toEqual({
    machine: expect.objectContaining({ node: process.version, cpus: number }) as unknown,
    ddl: expect.stringContaining('CREATE TABLE events') as unknown,
    results,
  });
  expect(readdirSync(folder)).toEqual(['results.json']);
});

test('Ctrl-C stops it after the round, and nothing is left behind', async () => {
  const bench = run(['--only', 'core.fold', '--rounds', '100000', '--scale', '0.02', '--dir', folder]);
  while (!bench.said().includes('target')) await new Promise((resolve) => setTimeout(resolve, 20));
  bench.interrupt();
  expect(await bench.ended).toEqual({ code: 130, signal: null, complaints: '' });
  expect(readdirSync(folder)).toEqual([]);
});

test('a name that is unknown is refused before anything is measured', async () => {
  const bench = run(['--only', 'nothing', '--dir', folder]);
  expect(await bench.ended).toMatchObject({
    code: 2,
    complaints: expect.stringContaining('core.fold') as string,
  });
  expect(bench.said()).toBe('');
});

test('without a server the other rows are run, and it is said what is missing', async () => {
  const env = { BACKSTORY_TEST_POSTGRES_URL: 'postgres://127.0.0.1:1/none' };
  const only = ['--only', 'postgres.follow', '--only', 'core.fold'];
  const bench = run([...only, '--scale', '0.02', '--rounds', '1', '--dir', folder], env);
  expect(await bench.ended).toEqual({ code: 1, signal: null, complaints: '' });
  expect(bench.said()).toMatch(/^postgres\.follow was not run\. .*BACKSTORY_TEST_POSTGRES_URL: /m);
  expect(bench.said()).toMatch(/^core\.fold .* events\/s /m);
});

test('a place that cannot be written is refused before anything is measured', async () => {
  const file = path.join(folder, 'none', 'x.json');
  const bench = run(['--json', file, '--dir', folder]);
  const complaints = expect.stringMatching(/^--json is ".*none.x\.json".*\nTry --help\.\n$/) as string;
  expect(await bench.ended).toEqual({ code: 2, signal: null, complaints });
  expect(bench.said()).toBe('');
});

test('what was measured before it stopped is in the file', async () => {
  const file = path.join(folder, 'results.json');
  const all = ['--only', 'core.fold', '--only', 'sqlite.append.single'];
  const bench = run([...all, '--rounds', '200', '--scale', '0.02', '--json', file, '--dir', folder]);
  while (!/^core\.fold .*\n/m.test(bench.said())) await new Promise((resolve) => setTimeout(resolve, 2));
  bench.interrupt();
  expect(await bench.ended).toEqual({ code: 130, signal: null, complaints: '' });
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as { results: { name: string }[] };
  expect(results.map(({ name }) => name)).toEqual(['core.fold']);
  expect(readdirSync(folder)).toEqual(['results.json']);
});

function rowOf(contest: Contest): Row {
  return { name: 'a.row', unit: 'turns/s', target: null, ours: '', bare: '', prepare: async () => contest };
}

/** The program as `npm run bench` starts it, but for the build. */
function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const register = path.join(__dirname, '../support/register-typescript.js');
  const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning', '-r', register];
  const argv = [...flags, path.join(__dirname, 'bench.ts'), ...args];
  const child = spawn(process.execPath, argv, { env: { ...process.env, ...env } });
  children.push(child);
  let said = '';
  let complaints = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const ended = new Promise<{ code: number | null; signal: string | null; complaints: string }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, complaints })),
  );
  return { ended, said: () => said, interrupt: () => child.kill('SIGINT') };
}
