import { spawnSync } from 'node:child_process';
import { root } from './sources.js';

test('rules, dashboards and the page of metrics are what the table of signals says', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/generate.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
