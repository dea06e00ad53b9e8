// Records 100 real traffic fines and asks the command line to explain one of them.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const fines = path.join(root, 'examples', 'fines');
const FINE = 'fine-S100992';

/** What a person would ask, and with which command. */
const QUESTIONS = [
  ['The log has these streams.', 'streams', '--limit', '5'],
  ['What is the state of one fine now? Amounts are in cents.', 'state', FINE],
  [
    'The driver says it was paid in full in August 2005. What was it then, at version 4?',
    'state',
    FINE,
    '--at-version',
    '4',
  ],
  ['What happened since?', 'diff', FINE, '4', '6'],
  ['And before: every event, who caused it, what it changed.', 'replay', FINE],
  [
    'The same flow as a tree of causes, with the time between its steps.',
    'trace',
    'case-S100992',
    '--occurred',
  ],
];

for (const suffix of ['', '-wal', '-shm']) fs.rmSync(path.join(fines, `fines.db${suffix}`), { force: true });
say('Recording the fines (examples/fines/record.ts) …');
run([path.join(root, 'node_modules', 'jiti', 'lib', 'jiti-cli.mjs'), 'record.ts']);

for (const [question, ...argv] of QUESTIONS) {
  say(`\n# ${question}\n$ npx backstory ${argv.join(' ')}`);
  run([path.join(root, 'packages', 'cli', 'bin', 'backstory.js'), ...argv]);
}

say(`
Try it yourself:
  cd examples/fines
  npx backstory --help
  npx backstory state fine-A182 --json        # what a script would read
  npx backstory diff ${FINE} 3 6
  npx backstory events --type fine.appeal-moved
  npx backstory stats
The fines are in examples/fines/src/fine.ts; change a handler and ask again.`);

function run(argv) {
  const { status } = spawnSync(process.execPath, argv, {
    cwd: fines,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
