import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { folders, root } from './sources.js';

const entries = folders.flatMap((folder) => {
  const listing = fs.readFileSync(path.join(root, 'packages', folder, 'api.txt'), 'utf8');
  return listing.split(/\n(?=\S)/).map((it) => it.trimEnd().split('\n'));
});

it('packages/*/api.txt lists what the packages export', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/api.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

it.each(entries.map(([entry, ...names]) => ({ entry, names })))(
  '$entry can be read at a glance',
  ({ names }) => {
    expect(names.length).toBeLessThanOrEqual(45);
    expect(names.filter((it) => it.endsWith('unresolved'))).toEqual([]);
  },
);
