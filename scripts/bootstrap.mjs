// Installs the dependencies when node_modules is missing or is not what package-lock.json says. Needs only Node and npm.
import fs from 'node:fs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lockOf = (file) => JSON.parse(fs.readFileSync(root + file, 'utf8')).packages;

if (!installed()) {
  console.error('Installing dependencies (npm ci) …');
  const { status, error } = spawnSync('npm', ['ci', '--ignore-scripts', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error(`npm ci failed${error ? ` (${error.message})` : ''}: run it by hand to see why.`);
    process.exit(1);
  }
}

function installed() {
  if (!fs.existsSync(`${root}node_modules/.package-lock.json`)) return false;
  const wanted = lockOf('package-lock.json');
  const present = lockOf('node_modules/.package-lock.json');
  const same = (it) =>
    it in wanted &&
    it in present &&
    wanted[it].version === present[it].version &&
    wanted[it].integrity === present[it].integrity;
  return (
    Object.keys(present).every(same) &&
    Object.keys(wanted)
      .filter((it) => it.includes('node_modules/') && !wanted[it].optional && !wanted[it].devOptional)
      .every(same)
  );
}
