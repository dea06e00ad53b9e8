import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

// The settings that the guides give, each in a project of its own with the packages as they are built.

const root = path.join(__dirname, '..', '..');
let folder: string;
beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'guide-project-')));
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  fs.copyFileSync(path.join(__dirname, 'invoice/invoice.ts'), path.join(folder, 'invoice.ts'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const take = (from: string, to: string) => fs.copyFileSync(path.join(__dirname, from), path.join(folder, to));
const bin = (name: string) => path.join(root, 'node_modules', name);

/** The environment of a runner within a runner would tell the inner one that it is not the first. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(NODE_TEST_CONTEXT|JEST_WORKER_ID|NODE_OPTIONS)$/.test(name),
  ),
);

function run(...argv: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    cwd: folder,
    encoding: 'utf8',
    env,
  });
  return { status, said: stdout + stderr };
}

test.each(['legacy', 'standard'])('%s decorators, compiled by tsc and tested by node:test', (decorators) => {
  take(`invoice/config/${decorators}.tsconfig.json`, 'tsconfig.json');
  take('invoice/invoice.node.ts', 'invoice.test.ts');

  expect(run(bin('typescript/bin/tsc'))).toEqual({ status: 0, said: '' });
  const { status, said } = run('--test', 'dist/invoice.test.js');
  expect(said).toMatch(/pass 1\b/);
  expect(status).toBe(0);
});

test('Jest with swc, in memory and on a file', () => {
  take('invoice/config/jest.package.json', 'package.json');
  take('invoice/invoice.test.ts', 'invoice.test.ts');
  take('invoice/repository.test.ts', 'repository.test.ts');

  const { status, said } = run(bin('jest/bin/jest.js'), '--no-cache', '-i');
  expect(said).toMatch(/Tests: +11 passed, 11 total/);
  expect(status).toBe(0);
});
