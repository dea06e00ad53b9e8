import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { blocksOf, commandsOf } from '../docs/blocks';

// A new project as a user makes it: with the registry, the real npm and nothing of this repository but the command.
jest.setTimeout(600_000);

const root = path.resolve(__dirname, '../..');
let folder: string;
let project: string;

/** What a user's shell has, who has not come here through npm. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_(?!config_(registry|cache)$)/.test(name)),
);
env['PATH'] = process.env['PATH']!.split(path.delimiter)
  .filter((it) => !it.includes('node_modules'))
  .join(path.delimiter);

function type(command: string, cwd: string) {
  const { status, stdout, stderr } = spawnSync('sh', ['-ec', command], { cwd, env, encoding: 'utf8' });
  expect({ command, status, stderr: status === 0 ? '' : stdout + stderr }).toEqual({
    command,
    status: 0,
    stderr: '',
  });
  return { stdout, stderr };
}

/** The commands of the first `sh` block of a document that begins so. */
const commandsIn = (file: string, first: string) =>
  blocksOf(fs.readFileSync(file, 'utf8'))
    .filter(({ language }) => language === 'sh')
    .map(commandsOf)
    .find(([command]) => command === first)!;

beforeAll(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-new-')));
  project = path.join(folder, 'bank');
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

test('what the README says under Start makes a project that tests, runs and explains itself', () => {
  const [init, enter, ...inProject] = commandsIn(path.join(root, 'README.md'), 'npx backstory init ../bank');
  expect(enter).toBe('cd ../bank');
  type(init!.replace('../bank', project), root);
  expect(inProject).toEqual(['npm test', 'npm start', 'npx backstory replay account-42']);
  const said = inProject.map((command) => type(command, project));
  expect(said[0]?.stderr).toContain('2 passed');
  expect(said[1]?.stdout).toContain('account-42 is at version 2 and has a balance of 70.');
  expect(said[2]?.stdout).toContain('~ balance  100 → 70');
});

test('its own README is true, also when everything is done a second time', () => {
  const commands = commandsIn(path.join(project, 'README.md'), 'npm test');
  expect(commands).toContain('npx backstory state account-42');
  for (const command of commands) type(command, project);
  const { data } = JSON.parse(type('npx backstory state account-42 --json', project).stdout);
  expect(data).toMatchObject({ version: 4, state: { balance: 140 } });
});

test('an editor finds nothing wrong in it, and git sees only what was written', () => {
  type('npx tsc --noEmit', project);
  type('git init -q', project);
  const seen = execFileSync('git', ['ls-files', '--others', '--exclude-standard'], { cwd: project });
  expect(
    String(seen)
      .split('\n')
      .filter((it) => !it.startsWith('vendor/')),
  ).toEqual([
    '.gitignore',
    'README.md',
    'backstory.config.ts',
    'jest.config.js',
    'package-lock.json',
    'package.json',
    'src/account.test.ts',
    'src/account.ts',
    'src/main.ts',
    'tsconfig.json',
    '',
  ]);
});

test('no package of it needs its install script', () => {
  type('rm -rf node_modules && npm ci --ignore-scripts && npm test && npm start', project);
});

test('an installed command names releases and brings nothing', () => {
  type('npx backstory init ../released --no-install', project);
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'packages/cli/package.json'), 'utf8'));
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'released/package.json'), 'utf8'));
  expect(manifest).toMatchObject({
    name: 'released',
    dependencies: { backstory: `^${version}` },
    devDependencies: { '@backstory/cli': `^${version}`, '@backstory/testing': `^${version}` },
  });
  expect(JSON.stringify(manifest)).not.toContain('vendor');
  expect(fs.existsSync(path.join(folder, 'released/vendor'))).toBe(false);
});
