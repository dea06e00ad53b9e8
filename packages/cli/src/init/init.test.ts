import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { runCli, runJson } from '../../../../test/support/run-cli';
import { requireFree, writeNew } from './new-files.js';
import { npm } from './npm.js';
import { projectName } from './project-name.js';
import { requireStore } from './project-store.js';
import { filesFor, packagesOfTemplate, templateFiles } from './template.js';

const root = path.resolve(__dirname, '../../../..');
const template = path.join(root, 'packages/cli/template');

let folder: string;
beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-init-')));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const inFolder = (...names: string[]) => path.join(folder, ...names);
const everything = () => fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

/** An npm that answers what it is told to. */
function npmThat(does: string): Record<string, string> {
  fs.mkdirSync(inFolder('bin'));
  fs.writeFileSync(inFolder('bin/npm'), `#!/bin/sh\n${does}\n`, { mode: 0o755 });
  return { PATH: `${inFolder('bin')}${path.delimiter}${process.env['PATH']}` };
}

/** As far as `pack` goes, the real one. */
const packing = (then: string) => {
  const real = execFileSync('/bin/sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
  return npmThat(`[ "$1" = pack ] && exec '${real}' "$@"\n${then}`);
};

describe('the files of a new project', () => {
  const files = (name: string, store: string) =>
    filesFor({ name, store, source: { specOf: () => '^1.2.3', files: new Map() } });
  const text = (name: string, store: string, file: string) => String(files(name, store).get(file));

  test('are all files of the template', () => {
    const there = fs
      .readdirSync(template, { recursive: true, withFileTypes: true })
      .filter((it) => it.isFile())
      .map((it) => path.relative(template, path.join(it.parentPath, it.name)))
      .map((it) => (it === 'gitignore' ? '.gitignore' : it));
    expect([...files('x', 'x.db').keys()].sort()).toEqual(there.sort());
  });

  test('carry its name and its store, and nothing is left of those of the template', () => {
    const all = [...files('bank', 'data/log.db').values()].join('\n');
    expect(all).not.toMatch(/my-app/);
    expect(text('bank', 'data/log.db', 'backstory.config.ts')).toContain(
      "name: 'bank',\n  store: sqlite('data/log.db'),",
    );
    expect(text('bank', 'data/log.db', 'README.md')).toMatch(/^# bank\n/);
    expect(text('bank', 'data/log.db', '.gitignore')).toMatch(
      /\n\/data\/log\.db\n\/data\/log\.db-wal\n\/data\/log\.db-shm\n\/data\/log\.db-journal\n$/,
    );
    expect(text('bank', 'data/log.db', 'data/.gitkeep')).toBe('');
  });

  test('depend on the release that made them, and on what this repository itself is tested with', () => {
    const manifest = JSON.parse(text('bank', 'b.db', 'package.json'));
    const { devDependencies: house, overrides } = JSON.parse(
      fs.readFileSync(path.join(root, 'package.json'), 'utf8'),
    );
    expect(manifest).toMatchObject({ name: 'bank', dependencies: { backstory: '^1.2.3' } });
    expect(manifest.overrides).toEqual(overrides);
    const { '@backstory/cli': cli, '@backstory/testing': testing, ...others } = manifest.devDependencies;
    expect([cli, testing]).toEqual(['^1.2.3', '^1.2.3']);
    for (const [name, version] of Object.entries(others))
      expect({ name, version }).toEqual({ name, version: house[name] });
    expect(packagesOfTemplate()).toEqual(['backstory', '@backstory/cli', '@backstory/testing']);
  });

  test.each(["it's.db", 'a"b.db', 'a\\b.db', '${x}.db', "$'.db", '$&.db', "');process.exit(1);('"])(
    'name the store %s as TypeScript does, whatever is in it',
    (store) => {
      const source = ts.createSourceFile(
        'x.ts',
        text('x', store, 'backstory.config.ts'),
        ts.ScriptTarget.ES2022,
      );
      const literals: string[] = [];
      const visit = (node: ts.Node): void => {
        if (ts.isStringLiteral(node)) literals.push(node.text);
        ts.forEachChild(node, visit);
      };
      visit(source);
      expect(literals).toEqual(['backstory', './src/account', 'x', store]);
    },
  );

  test('leave a store elsewhere out of .gitignore, and mean its name literally', () => {
    expect(text('x', '/var/x.db', '.gitignore')).not.toContain('x.db');
    expect(text('x', '../x.db', '.gitignore')).not.toContain('x.db');
    expect(text('x', './a[1]*.db', '.gitignore')).toContain('\n/a\\[1\\]\\*.db\n');
  });

  test.each(['t', 'src/a', 'pack', 'jest', './READ', 'a[1]*.db', 'ends with a space ', '..log', '#x', '!x'])(
    'are all seen by git with the store %s, which is not',
    (store) => {
      const seen = () =>
        execFileSync('git', ['ls-files', '-oz', '--exclude-standard'], { cwd: folder, encoding: 'utf8' })
          .split('\0')
          .filter((it) => it !== '')
          .sort();
      execFileSync('git', ['init', '-q'], { cwd: folder });
      writeNew(folder, files('x', store));
      const before = seen();
      expect(before).toEqual([...files('x', store).keys()].sort());
      for (const beside of ['', '-wal', '-shm', '-journal']) fs.writeFileSync(inFolder(store + beside), '');
      expect(seen()).toEqual(before);
    },
  );
});

describe('the store of a new project', () => {
  const required = (store: string) => () => requireStore(store, inFolder('project'), templateFiles());

  test.each([
    ...['package.json', 'README.md', 'readme.MD', '.gitignore', './src/../src/account.ts', 'src', 'SRC'],
    ...['package.json/log.db', 'node_modules', 'node_modules/log.db', 'dist', 'dist/log.db', 'vendor'],
    ...['vendor/log.db', 'package-lock.json', '.git/log.db', '../project/src', ':memory:', 'file:x.db'],
    ...['sqlite:x.db', '.', '..', './', 'a/', '../..', '/', os.tmpdir(), `${__filename}/log.db`, 'a\nb.db'],
  ])('is not %j, with what to give instead', (store) => {
    expect(required(store)).toThrow(
      expect.objectContaining({ code: 'BACKSTORY_USAGE', reason: 'invalid-store' }),
    );
    expect(required(store)).toThrow('give a file of its own, e.g. --store sqlite:data/log.db.');
  });

  test.each([
    't',
    'src/log.db',
    'srcs',
    'package.json.db',
    'data/log.db',
    '..log',
    '../x.db',
    '/nowhere/x.db',
  ])('may be %s', (store) => {
    expect(required(store)).not.toThrow();
    expect(required(inFolder('project', store))).not.toThrow();
  });
});

describe('the name of a new project', () => {
  test.each([
    ['bank', 'bank'],
    ['My Bank', 'my-bank'],
    ['Übung (1)', 'ubung-1'],
    ['.hidden_', 'hidden'],
    ['银行', 'my-app'],
    ['node_modules', 'node_modules-app'],
    ['http', 'http-app'],
    ['$(touch x)', 'touch-x'],
    ['x'.repeat(250), 'x'.repeat(200)],
  ])('made of the folder %s is %s', (name, expected) => {
    expect(projectName(`/home/ann/${name}`)).toBe(expected);
  });

  test('is the one given, if npm allows it', () => {
    expect(projectName('/x/y', '@acme/bank')).toBe('@acme/bank');
    expect(() => projectName('/x/y', 'My Bank')).toThrow('--name My Bank is no name for a package');
    expect(() => projectName('/x/y', 'node_modules')).toThrow('no name for a package');
  });
});

describe('files that are written', () => {
  test('need a folder that is new or has nothing in it but .git', () => {
    expect(() => requireFree(inFolder('new'))).not.toThrow();
    fs.mkdirSync(inFolder('.git'));
    expect(() => requireFree(folder)).not.toThrow();
    for (const name of ['a', 'b c', '.env', 'd', 'e', 'f']) fs.writeFileSync(inFolder(name), '');
    expect(() => requireFree(folder)).toThrow(`${folder} is not empty: .env, a, 'b c', d, e and 1 more.`);
    expect(() => requireFree(inFolder('a'))).toThrow('is a file: give a folder');
  });

  test('are all there, or none: a file that came in between stays as it was', () => {
    fs.mkdirSync(inFolder('project/src'), { recursive: true });
    fs.writeFileSync(inFolder('project/src/b.ts'), 'mine');
    const files = new Map([
      ['a.ts', 'a'],
      ['deep/er/x.ts', 'x'],
      ['src/b.ts', 'b'],
    ]);
    expect(() => writeNew(inFolder('project'), files)).toThrow('EEXIST');
    expect(everything()).toEqual(['project', 'project/src', 'project/src/b.ts']);
    expect(fs.readFileSync(inFolder('project/src/b.ts'), 'utf8')).toBe('mine');
    fs.writeFileSync(inFolder('file'), '');
    expect(() => writeNew(inFolder('file/project'), files)).toThrow('cannot be written');
  });
});

describe('backstory init', () => {
  test('in a clone brings the packages as they were built, in vendor, and says so', async () => {
    const { envelope, exitCode } = await runJson(['init', 'Bank', '--no-install'], {
      cwd: folder,
      env: process.env,
    });
    expect(exitCode).toBe(0);
    const { files, ...made } = envelope.data;
    expect(made).toEqual({ folder: inFolder('Bank'), name: 'bank', store: 'bank.db', installed: false });
    const manifest = JSON.parse(fs.readFileSync(inFolder('Bank/package.json'), 'utf8'));
    const vendored = Object.values<string>({
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.overrides,
    }).filter((it) => it.startsWith('file:'));
    const tarballs = files.filter((it: string) => it.startsWith('vendor/'));
    expect(vendored.map((it) => it.slice('file:'.length)).sort()).toEqual([...tarballs].sort());
    expect(tarballs.length).toBeGreaterThan(8);
    for (const file of files) expect(fs.statSync(inFolder('Bank', file)).size).toBeGreaterThan(0);
    expect(fs.readFileSync(inFolder('Bank/README.md'), 'utf8')).toContain('## Where Backstory comes from');
  });

  test('says what to do next when npm cannot install, and what npm said', async () => {
    const env = packing('echo "npm error code ENOTFOUND" >&2; exit 7');
    const { exitCode, stderr, stdout } = await runCli(['init', 'bank'], { cwd: folder, env });
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
    expect(stderr).toContain(`run npm install in ${inFolder('bank')}`);
    expect(stderr).toContain('npm error code ENOTFOUND');
    expect(fs.existsSync(inFolder('bank/package.json'))).toBe(true);
  });

  test('writes nothing when the packages cannot be brought', async () => {
    const failing = await runCli(['init', 'bank'], { cwd: folder, env: npmThat('exit 1') });
    expect(failing).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('npm pack failed.') });
    const none = await runCli(['init', 'bank'], { cwd: folder, env: { PATH: folder } });
    expect(none).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('not in the PATH') });
    expect(everything()).toEqual(['bin', 'bin/npm']);
  });

  test('installs in the new project, also with npx inside another one', async () => {
    for (const name of ['outer', 'inner']) {
      fs.mkdirSync(inFolder(name));
      fs.writeFileSync(inFolder(name, 'package.json'), JSON.stringify({ name, version: '1.0.0' }));
    }
    const told = inFolder('told.json');
    fs.writeFileSync(
      inFolder('tell.js'),
      `require('node:fs').writeFileSync(${JSON.stringify(told)}, JSON.stringify(process.env))`,
    );
    const npx = ['exec', '--offline', '--call', `'${process.execPath}' '${inFolder('tell.js')}'`];
    execFileSync('npm', npx, { cwd: inFolder('outer'), stdio: 'ignore' });
    const env: Record<string, string> = JSON.parse(fs.readFileSync(told, 'utf8'));
    expect(env['npm_config_local_prefix']).toBe(inFolder('outer'));
    const { stdout, stderr } = process;
    const io = { cwd: inFolder('outer'), env, stdout, stderr };
    await npm(['install', '--offline'], { folder: inFolder('inner'), next: '', io });
    expect(everything().filter((it) => it.includes('lock'))).toEqual(['inner/package-lock.json']);
  });

  test('ends npm with Ctrl-C', async () => {
    const interrupt = new AbortController();
    const env = packing(`echo $$ > '${inFolder('pid')}'; exec sleep 60`);
    const ran = runCli(['init', 'bank'], { cwd: folder, env, signal: interrupt.signal });
    while (!fs.existsSync(inFolder('pid')) || fs.readFileSync(inFolder('pid'), 'utf8') === '')
      await new Promise((later) => setTimeout(later, 20));
    interrupt.abort();
    expect(await ran).toMatchObject({ exitCode: 130, stderr: expect.stringContaining('Interrupted') });
    const pid = Number(fs.readFileSync(inFolder('pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  test('refuses a folder in use, a bad name and a bad store before anything is written', async () => {
    fs.writeFileSync(inFolder('notes.txt'), '');
    const io = { cwd: folder, env: {} };
    expect(await runCli(['init'], io)).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('is not empty: notes.txt.'),
    });
    expect(await runCli(['init', 'x', '--name', 'No Name'], io)).toMatchObject({ exitCode: 2 });
    expect(await runCli(['init', 'x', '--store', 'postgres:x'], io)).toMatchObject({ exitCode: 2 });
    expect(await runCli(['init', 'x', '--store', 'sqlite:src'], io)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--store sqlite:src would stand where the project has files'),
    });
    expect(everything()).toEqual(['notes.txt']);
  });
});
