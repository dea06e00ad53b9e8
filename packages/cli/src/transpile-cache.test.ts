import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

// Whole processes, of what was built: what one keeps another finds.
const BIN = path.resolve(__dirname, '../bin/backstory.js');

let folder: string;
let temporary: string;

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-cache-')));
  temporary = path.join(folder, 'temporary');
  fs.mkdirSync(temporary);
  const compiler = JSON.stringify(require.resolve('typescript'));
  write('node_modules/typescript/package.json', '{ "version": "6.0.0" }');
  write(
    'node_modules/typescript/index.js',
    `require('node:fs').appendFileSync(${JSON.stringify(path.join(folder, 'loads'))}, '.');\nmodule.exports = require(${compiler});`,
  );
  write('loads', '');
  write('base.json', '{ "compilerOptions": { "useDefineForClassFields": false } }');
  write('tsconfig.json', '{ "extends": "./base.json" }');
  write('two.ts', 'export const two: number = 2;');
  write(
    'backstory.config.ts',
    'import { two } from "./two";\nclass K { z = String(this.p); constructor(readonly p: number) {} }\nthrow new Error(`z is ${new K(two).z}`);',
  );
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

function write(name: string, text: string): void {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), text);
}

const loads = () => fs.readFileSync(path.join(folder, 'loads'), 'utf8').length;
const cache = () => fs.readdirSync(temporary).map((it) => path.join(temporary, it))[0]!;
const kept = () => fs.readdirSync(cache()).map((it) => path.join(cache(), it));

/** What the configuration says when it is loaded, and how often a compiler has been by then. */
async function said(temp = temporary): Promise<[string, number]> {
  const env = { ...process.env, TMPDIR: temp, TEMP: temp };
  const child = spawn(process.execPath, [BIN, 'streams'], { cwd: folder, env });
  let told = '';
  child.stderr.on('data', (it) => (told += it));
  await once(child, 'close');
  return [/z is (\w+)/.exec(told)?.[1] ?? told, loads()];
}

test('a compiler is loaded only where the sources, the settings or the compiler are others', async () => {
  expect(await said()).toEqual(['2', 1]);
  expect(await said()).toEqual(['2', 1]);
  write('two.ts', 'export const two: number = 3;');
  expect(await said()).toEqual(['3', 2]);
  write('base.json', '{ "compilerOptions": { "useDefineForClassFields": true } }');
  expect(await said()).toEqual(['undefined', 3]);
  write('node_modules/typescript/package.json', '{ "version": "6.0.1" }');
  expect(await said()).toEqual(['undefined', 4]);
  expect(await said()).toEqual(['undefined', 4]);
  expect(kept()).toHaveLength(1);
});

test('a setting that appears where there was none counts', async () => {
  fs.rmSync(path.join(folder, 'tsconfig.json'));
  expect(await said()).toEqual(['undefined', 1]);
  write('tsconfig.json', '{ "extends": "./base.json" }');
  expect(await said()).toEqual(['2', 2]);
});

test('what is damaged is made again', async () => {
  await said();
  const [file] = kept() as [string];
  const whole = fs.readFileSync(file, 'utf8');
  for (const damaged of ['', whole.slice(0, -9), whole.replace('z is', 'y is')]) {
    fs.writeFileSync(file, damaged);
    const before = loads();
    expect(await said()).toEqual(['2', before + 1]);
    expect(fs.readFileSync(file, 'utf8')).toBe(whole);
  }
});

test('where nothing can be written, everything is transpiled', async () => {
  for (const temp of [path.join(folder, 'loads'), path.join(folder, 'loads', 'below')]) {
    const before = loads();
    expect(await said(temp)).toEqual(['2', before + 1]);
  }
});

test('what others may write is neither read nor written', async () => {
  await said();
  const [file] = kept() as [string];
  fs.chmodSync(cache(), 0o777);
  expect(await said()).toEqual(['2', 2]);
  fs.rmSync(file);
  expect(await said()).toEqual(['2', 3]);
  expect(kept()).toEqual([]);
  const theirs = cache();
  fs.renameSync(theirs, path.join(folder, 'theirs'));
  fs.symlinkSync(path.join(folder, 'theirs'), theirs);
  fs.chmodSync(path.join(folder, 'theirs'), 0o700);
  expect(await said()).toEqual(['2', 4]);
  expect(kept()).toEqual([]);
});

test('processes that load at once keep one whole file', async () => {
  expect(await Promise.all([said(), said(), said()])).toEqual(Array(3).fill(['2', expect.any(Number)]));
  const before = loads();
  expect(await said()).toEqual(['2', before]);
  expect(kept()).toHaveLength(1);
});

test('what nobody has written for long is dropped', async () => {
  await said();
  const old = path.join(cache(), 'old.json');
  fs.writeFileSync(old, '');
  write('two.ts', 'export const two: number = 4;');
  expect(await said()).toEqual(['4', 2]);
  expect(fs.existsSync(old)).toBe(true);
  fs.utimesSync(old, 0, Date.now() / 1_000 - 31 * 86_400);
  write('two.ts', 'export const two: number = 5;');
  expect(await said()).toEqual(['5', 3]);
  expect(kept()).toHaveLength(1);
});
