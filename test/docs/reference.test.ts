import { spawnSync } from 'node:child_process';
import { root } from './corpus';

test('docs/reference is what the built packages say of themselves', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/reference.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
