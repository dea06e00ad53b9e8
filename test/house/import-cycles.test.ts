import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { importCycles } from './import-cycles.js';
import { folders, root, sourcesOf } from './sources.js';

it('no source file reaches itself through its imports', () => {
  const files = folders.flatMap(sourcesOf);
  const named = importCycles(files).map((cycle) => cycle.map((it) => path.relative(root, it)).join(' → '));
  expect(files.length).toBeGreaterThanOrEqual(folders.length);
  expect(named).toEqual([]);
});

it('a cycle of three files, one hop of it only a type, is found', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cycle-'));
  const write = (name: string, text: string) => fs.writeFileSync(path.join(folder, name), text);
  write('a.ts', `import { b } from './b.js';`);
  write('b.ts', `import type { C } from './c.js';`);
  write('c.ts', `export { a } from './a.js';`);
  write('d.ts', `import { a } from './a.js';`);
  const cycles = importCycles(['d.ts', 'a.ts'].map((it) => path.join(folder, it)));
  expect(cycles.map((cycle) => cycle.map((it) => path.basename(it)))).toEqual([
    ['a.ts', 'b.ts', 'c.ts', 'a.ts'],
  ]);
});
