import fs from 'node:fs';
import path from 'node:path';
import { ScratchRepository } from './scratch-repository';

// Makes sample.git, a small repository to try things on: the same one every time, to the last id.
// With --rewritten its last commit is another, as after `git commit --amend` and a forced push.

const folder = path.join(__dirname, 'sample.git');
fs.rmSync(folder, { recursive: true, force: true });
const sample = new ScratchRepository(folder);

const begin = sample.commit('Begin', {
  files: [
    ['README.md', '# Greetings\n'],
    ['src/hello.ts', "console.log('hello');\n"],
  ],
});
const polite = sample.commit('Say it politely', {
  branch: 'polite',
  parents: [begin],
  author: 'Bob',
  files: [
    ['src/hello.ts', "console.log('good morning');\n"],
    ['src/names.ts', "export const NAMES = ['Ann'];\n"],
  ],
});
const licence = sample.commit('Add a licence', { files: [['LICENSE', 'Apache-2.0\n']] });
sample.commit('Merge polite', {
  parents: [licence, polite],
  files: [
    ['src/hello.ts', "console.log('good morning');\n"],
    ['src/names.ts', "export const NAMES = ['Ann'];\n"],
  ],
});
const run = ['run.sh', { mode: '100755', content: '#!/bin/sh\nexec node src/hello.ts\n' }] as const;
if (process.argv.includes('--rewritten')) sample.commit('Add a program to run it', { files: [run] });
else sample.commit('Add a program, remove names', { files: [run, ['src/names.ts', null]] });
console.log(`sample.git: ${sample.git('rev-list', '--count', '--first-parent', 'main')} commits on main.`);
