import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { root } from './sources.js';

const file = 'packages/repository/src/planted.ts';
const floor = /repository is on floor 3 and may import only from lower floors/;
const planted: [what: string, file: string, text: string, complaint: RegExp | undefined][] = [
  ['a lower floor', file, `import { a } from '@backstory/core';\nexport const b = a;\n`, undefined],
  ['a subpath of a lower floor', file, `export { a } from '@backstory/core/store';\n`, undefined],
  ['a neighbouring file', file, `export { a } from './a.js';\n`, undefined],
  ['its own floor', file, `export { a } from '@backstory/testing';\n`, floor],
  ['a higher floor', file, `import { a } from '@backstory/replay';\nexport const b = a;\n`, floor],
  ['a subpath of a higher floor', file, `export { a } from '@backstory/replay/diff';\n`, floor],
  ['a type of a higher floor', file, `export type { A } from 'backstory';\n`, floor],
  ['a higher floor, later', file, `export const a = () => import('@backstory/replay');\n`, floor],
  ['a higher floor, in a type', file, `export type A = import('@backstory/cli').A;\n`, floor],
  ['a package that has no floor', file, `export { a } from '@backstory/unheard';\n`, floor],
  ['itself by name', file, `export { a } from '@backstory/repository';\n`, floor],
  [
    'another store, from a store',
    'packages/sqlite/src/planted.ts',
    `export { a } from '@backstory/events';\n`,
    /sqlite is on floor 1/,
  ],
  ['the sources of a lower floor', file, `export { a } from '@backstory/core/src/a.js';\n`, /not its files/],
  [
    'what was built of a lower floor',
    file,
    `export { a } from '@backstory/core/dist/a.js';\n`,
    /not its files/,
  ],
  ['another package by a path', file, `export { a } from '../../core/src/a.js';\n`, /not its files/],
  ['its own index', file, `export { a } from './index.js';\n`, /makes cycles/],
  [
    'its own index from a folder',
    'packages/core/src/x/planted.ts',
    `export { a } from '..';\n`,
    /makes cycles/,
  ],
  ['everything at once', file, `export * from './a.js';\n`, /name by name/],
  ['from a file with a default export', file, `export default 1;\n`, /Export it by name/],
  ['any as a type', file, `export const a: any = 1;\n`, /no-explicit-any/],
  [
    'any floor, if it is a test',
    'packages/core/src/planted.test.ts',
    `export { a } from 'backstory';\n`,
    undefined,
  ],
];

const complaints = JSON.parse(
  execFileSync(process.execPath, [path.join(__dirname, 'lint-texts.mjs')], {
    cwd: root,
    encoding: 'utf8',
    input: JSON.stringify(planted.map(([, name, text]) => ({ file: name, text }))),
  }),
) as string[][];

const verdicts = planted.map(([what, , , complaint], nth) => ({
  verdict: complaint ? 'refused' : 'allowed',
  what,
  complaint,
  found: complaints[nth]!,
}));
it.each(verdicts)('$verdict in a source file: to import $what', ({ complaint, found }) => {
  if (complaint) expect(found).toContainEqual(expect.stringMatching(complaint));
  else expect(found).toEqual([]);
});
