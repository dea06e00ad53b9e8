import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { readJson, root } from './sources.js';

interface Lock {
  packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>;
}

const folders: string[] = [];
const newFolder = () => {
  folders.push(fs.mkdtempSync(path.join(os.tmpdir(), 'scripts-')));
  return folders.at(-1)!;
};
afterEach(() => folders.splice(0).forEach((it) => fs.rmSync(it, { recursive: true })));

describe('the lock file', () => {
  const check = (lock: Lock) => {
    const file = path.join(newFolder(), 'package-lock.json');
    fs.writeFileSync(file, JSON.stringify(lock));
    return run('scripts/lock.mjs', file);
  };
  const lock = () => readJson<Lock>('package-lock.json');

  it('contains every per-platform package that it names, and names no registry', () => {
    expect(check(lock())).toMatchObject({ status: 0, stderr: '' });
  });

  it('is refused when one platform is missing', () => {
    const planted = lock();
    delete planted.packages['node_modules/@libsql/win32-x64-msvc'];
    expect(check(planted)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('node_modules/libsql names @libsql/win32-x64-msvc'),
    });
  });

  it('is refused when it names a registry', () => {
    const planted = lock();
    planted.packages['node_modules/libsql']!.resolved = 'https://registry.example/libsql.tgz';
    expect(check(planted)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('node_modules/libsql names a registry'),
    });
  });
});

describe('floors', () => {
  it('what is generated from floors.json agrees with it', () => {
    expect(run('scripts/floors.mjs', '--check')).toMatchObject({ status: 0, stderr: '' });
  });

  it('a reference written by hand is refused, and so is a package without a floor', () => {
    const copy = newFolder();
    for (const it of ['scripts', 'floors.json', '.prettierrc.json', 'tsconfig.json', 'tsconfig.paths.json'])
      fs.cpSync(path.join(root, it), path.join(copy, it), { recursive: true });
    fs.cpSync(path.join(root, 'packages'), path.join(copy, 'packages'), {
      recursive: true,
      filter: (it) => !/[\\/](src|dist|node_modules)$/.test(it),
    });
    fs.mkdirSync(path.join(copy, 'examples'));
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
    const file = path.join(copy, 'packages/core/tsconfig.json');
    fs.writeFileSync(
      file,
      fs.readFileSync(file, 'utf8').replace('"references": []', '"references": [{ "path": "../events" }]'),
    );
    fs.cpSync(path.join(copy, 'packages/core'), path.join(copy, 'packages/unheard'), { recursive: true });
    const { status, stderr } = run(path.join(copy, 'scripts/floors.mjs'), '--check');
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([
      'packages/unheard has no floor: add it to floors.json.',
      expect.stringContaining('packages/core/tsconfig.json does not agree with floors.json'),
    ]);
  });
});

describe('the sum of several Jest runs', () => {
  const runIn = (into: string, name: string, exit: number, counts?: object) => {
    fs.writeFileSync(path.join(into, `${name}.exit`), `${exit}\n`);
    if (counts)
      fs.writeFileSync(
        path.join(into, `${name}.json`),
        JSON.stringify({ running: [], failures: [], ...counts }),
      );
  };
  const sumOf = (into: string) => {
    const { status, stdout } = run('scripts/sum-results.mjs', into);
    return { status, lines: stdout.trim().split('\n') };
  };

  let nested: ChildProcess | undefined;
  afterEach(() => nested?.kill('SIGKILL'));

  it('is green when every run was', () => {
    const into = newFolder();
    runIn(into, 'here', 0, { passed: 3, failed: 0, skipped: 1 });
    runIn(into, 'node24', 0, { passed: 2, failed: 0, skipped: 0 });
    expect(sumOf(into)).toEqual({ status: 0, lines: ['5 passed, 0 failed, 1 skipped'] });
  });

  it('is red when a test failed, and when a run ended badly without a failed test or without a word', () => {
    const into = newFolder();
    runIn(into, 'faults', 1);
    runIn(into, 'here', 1, { passed: 3, failed: 2, skipped: 0, failures: ['a.test.ts: adds\nNot 4.'] });
    runIn(into, 'node22', 124, { passed: 4, failed: 0, skipped: 0, running: ['test/slow.test.ts'] });
    expect(sumOf(into)).toEqual({
      status: 1,
      lines: [
        'faults: exit code 1 before its first test',
        'here: failed: a.test.ts: adds',
        'Not 4.',
        '',
        'here: exit code 1 after its last test',
        'node22: exit code 124 during test/slow.test.ts',
        '7 passed, 4 failed, 0 skipped',
      ],
    });
  });

  it('is red when nothing was run', () => {
    expect(sumOf(newFolder())).toEqual({ status: 1, lines: ['0 passed, 0 failed, 0 skipped'] });
  });

  /** Runs Jest on the tests of a folder, with the reporter. */
  const jest = (into: string, files: string[], env: NodeJS.ProcessEnv = {}) => {
    const argv = [path.join(root, 'node_modules/jest/bin/jest.js'), '--runTestsByPath', ...files];
    return spawn(process.execPath, [...argv, `--reporters=${path.join(root, 'scripts/results-so-far.js')}`], {
      cwd: into,
      env: { ...process.env, RESULTS_FILE: path.join(into, 'here.json'), ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  };

  it('ends a run that a test keeps from ending, and says so', async () => {
    const into = newFolder();
    fs.writeFileSync(path.join(into, 'package.json'), '{ "jest": { "maxWorkers": 1 } }');
    fs.writeFileSync(path.join(into, 'open.test.js'), 'test("ends", () => void setInterval(() => {}, 100));');
    nested = jest(into, ['open.test.js'], { LINGER_SECONDS: '0.5' });
    const [said, [code]] = await Promise.all([text(nested.stderr!), once(nested, 'exit')]);
    expect(code).toBe(1);
    runIn(into, 'here', code);
    expect(sumOf(into).lines[0]).toMatch(/^here: failed: A test has left something running/);
    expect(said).toMatch(
      /^A test has left something running \(.*Timeout.*\): close in afterEach what it opened\.$/m,
    );
  });

  it('names each test that failed, and each file that could not be loaded, with the start of the error', async () => {
    const into = newFolder();
    fs.writeFileSync(path.join(into, 'package.json'), '{ "jest": { "maxWorkers": 1 } }');
    fs.writeFileSync(path.join(into, 'sum.test.js'), 'test("adds", () => expect(2 + 2).toBe(5));');
    fs.writeFileSync(path.join(into, 'none.test.js'), 'throw new Error("not loaded");');
    nested = jest(into, ['sum.test.js', 'none.test.js']);
    nested.stderr!.resume();
    const [code] = (await once(nested, 'exit')) as [number];
    runIn(into, 'here', code);
    const { lines } = sumOf(into);
    expect(lines).toContain('here: failed: sum.test.js: adds');
    expect(lines).toContain('Expected: 5');
    expect(lines).toContain('here: failed: none.test.js');
    expect(lines.join('\n')).toContain('not loaded');
    expect(lines.at(-1)).toBe('0 passed, 2 failed, 0 skipped');
  });

  it('counts what a run that is killed had passed, and names the file that kept it', async () => {
    const into = newFolder();
    const file = path.join(into, 'here.json');
    fs.writeFileSync(path.join(into, 'package.json'), '{ "jest": { "maxWorkers": 1 } }');
    // The larger file is run first.
    fs.writeFileSync(path.join(into, 'good.test.js'), `test("ends", () => {});${' '.repeat(1_000)}`);
    fs.writeFileSync(path.join(into, 'bad.test.js'), 'test("stays", () => { for (;;); });');
    nested = jest(into, ['good.test.js', 'bad.test.js']);
    nested.stderr!.resume();
    const ended = once(nested, 'exit');
    const sofar = () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
    const stuck = () =>
      sofar() === '{"passed":1,"failed":0,"skipped":0,"running":["bad.test.js"],"failures":[]}';
    while (!stuck() && !nested.killed && nested.exitCode === null) await setTimeout(20);
    nested.kill('SIGKILL');
    await ended;
    runIn(into, 'here', 137);
    expect(sumOf(into)).toEqual({
      status: 1,
      lines: ['here: exit code 137 during bad.test.js', '1 passed, 1 failed, 0 skipped'],
    });
  });
});

function run(script: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('.ci/run ends with the sum and a bad exit code', () => {
  const tools = ['bash', 'dirname', 'mktemp', 'git', 'grep', 'diff', 'timeout', 'cat'];
  /** Runs it where there is no zsh and fish, apt-get installs nothing, and npm does what this says. */
  const runWith = (npm: string) => {
    const folder = newFolder();
    const bin = path.join(folder, 'bin');
    for (const it of [bin, path.join(folder, '.ci'), path.join(folder, 'scripts')]) fs.mkdirSync(it);
    for (const file of ['.ci/run', 'scripts/sum-results.mjs'])
      fs.copyFileSync(path.join(root, file), path.join(folder, file));
    for (const tool of tools)
      fs.symlinkSync(String(execFileSync('which', [tool])).trim(), path.join(bin, tool));
    fs.symlinkSync(process.execPath, path.join(bin, 'node'));
    fs.writeFileSync(path.join(bin, 'npm'), `#!/usr/bin/env bash\n${npm}\n`, { mode: 0o755 });
    fs.writeFileSync(path.join(bin, 'apt-get'), '#!/usr/bin/env bash\n[ "$1" = update ]\n', { mode: 0o755 });
    fs.writeFileSync(path.join(bin, 'npx'), '#!/usr/bin/env bash\n', { mode: 0o755 });
    const env = { PATH: bin, TMPDIR: folder };
    const { status, stdout } = spawnSync(path.join(bin, 'bash'), ['.ci/run'], { cwd: folder, env });
    return { status, lines: String(stdout).trim().split('\n') };
  };

  it.each([
    ['npm ci --ignore-scripts', '[ "$1" != ci ]'],
    ['npm run build', '[ "$2" != build ]'],
  ])('when %s fails', (step, npm) => {
    const { status, lines } = runWith(npm);
    expect(status).toBe(1);
    expect(lines.slice(-3)).toEqual([
      `== failed: ${step}`,
      `${step}: exit code 1 before its first test`,
      '0 passed, 1 failed, 0 skipped',
    ]);
  });

  it('when shells are missing: it names them, and everything else is run', () => {
    const counts = '{"passed":1,"failed":0,"skipped":0,"running":[]}';
    const { status, lines } = runWith(`[ -z "\${RESULTS_FILE:-}" ] || echo '${counts}' >"$RESULTS_FILE"`);
    expect(status).toBe(1);
    expect(lines).toContain(
      '== failed: npm run test:shells needs zsh and fish: install both with your package manager, and run this again',
    );
    expect(lines).toContain(
      '== npx -y -p node@24 node node_modules/jest/bin/jest.js --config jest.nodes.config.js',
    );
    expect(lines.at(-1)).toBe('3 passed, 1 failed, 0 skipped');
  });
});
