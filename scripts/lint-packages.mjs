// What would be published can be required and imported, with types, however a compiler resolves modules: publint and attw
// on every package.
import { spawnSync } from 'node:child_process';
import { folders } from './floor-rules.mjs';

for (const folder of folders) {
  run('publint', [`packages/${folder}`, '--strict']);
  run('attw', ['--pack', `packages/${folder}`, '--profile', 'strict', '--format', 'ascii']);
}

function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status === 0) return;
  console.error(`${command} ${args.join(' ')}\n${stdout}${stderr}`);
  process.exitCode = 1;
}
