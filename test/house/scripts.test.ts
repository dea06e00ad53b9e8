import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readJson, root } from './sources.js';

interface Lock {
  packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>;
}

describe('the lock file', () => {
  const check = (lock: Lock) => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'lock-')), 'package-lock.json');
    fs.writeFileSync(file, JSON.stringify(lock));
    return run('scripts/lock.mjs', file);
  };
  const lock = () => readJson<Lock>('package-lock.json');

  it('contains every per-platform package that it names, and names no registry', () => {
    expect(check(lock())).toEqual({ status: 0, stderr: '' });
  });

  it('is refused when one platform is missing', () => {
    const planted = lock();
    delete planted.packages['node_modules/@libsql/win32-x64-msvc'];
    expect(check(planted)).toEqual({
      status: 1,
      stderr: expect.stringContaining('node_modules/libsql names @libsql/win32-x64-msvc'),
    });
  });

  it('is refused when it names a registry', () => {
    const planted = lock();
    planted.packages['node_modules/libsql']!.resolved = 'https://registry.example/libsql.tgz';
    expect(check(planted)).toEqual({
      status: 1,
      stderr: expect.stringContaining('node_modules/libsql names a registry'),
    });
  });
});

describe('floors', () => {
  it('what is generated from floors.json agrees with it', () => {
    expect(run('scripts/floors.mjs', '--check')).toEqual({ status: 0, stderr: '' });
  });

  it('a reference written by hand is refused, and so is a package without a floor', () => {
    const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'floors-'));
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

function run(script: string, ...args: string[]) {
  const { status, stderr } = spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8' });
  return { status, stderr };
}
