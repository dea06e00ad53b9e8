import fs from 'node:fs';
import path from 'node:path';
import { commandsOf, exchangesOf, settled } from './blocks';
import { Clone } from './clone';
import { found, root } from './corpus';
import { NOT_RUN } from './not-run';

// What a reader types, in the order of each document, in a copy of the examples in which the fines are recorded.
// A console block is typed in examples/fines, or in the folder named after the word console.

const recorded = path.join('examples', 'fines', 'fines.db');
const clones = new Map<string, Clone>();
let first: Clone;

beforeAll(() => {
  first = new Clone(root);
  const { said } = first.type('jiti record.ts', 'examples/fines');
  expect(said).toContain('Recorded 390 events');
});
afterAll(() => {
  for (const clone of [first, ...clones.values()]) clone.remove();
});

function cloneFor(document: string): Clone {
  let clone = clones.get(document);
  if (clone) return clone;
  clone = new Clone(root);
  clones.set(document, clone);
  fs.copyFileSync(path.join(first.folder, recorded), path.join(clone.folder, recorded));
  return clone;
}

interface Typed {
  readonly file: string;
  readonly at: string;
  readonly command: string;
  readonly folder: string;
  /** In an `sh` block there is none; there every command has to end well. */
  readonly answer?: string;
}

const typed = found('sh', 'console').flatMap(({ file, block, at }): Typed[] => {
  if (block.language === 'sh') {
    const script = commandsOf(block).filter((it) => !Object.hasOwn(NOT_RUN[file] ?? {}, it));
    return script.length === 0 ? [] : [{ file, at, command: script.join('\n'), folder: '.' }];
  }
  const folder = block.folder ?? 'examples/fines';
  return exchangesOf(block).map((exchange) => ({ file, at, folder, ...exchange }));
});

test.each(typed.map(({ at, command, ...more }) => [at, command, more] as const))(
  '%s: %s',
  (_, command, { file, folder, answer }) => {
    const { said, status } = cloneFor(file).type(command, folder);
    if (answer === undefined) expect({ said, status }).toEqual({ said, status: 0 });
    else expect(settled(said)).toBe(settled(answer));
  },
);

test('every command that is not run is in its document', () => {
  const commands = found('sh').flatMap(({ file, block }) => commandsOf(block).map((it) => `${file}: ${it}`));
  const notRun = Object.entries(NOT_RUN).flatMap(([file, reasons]) =>
    Object.keys(reasons).map((it) => `${file}: ${it}`),
  );
  expect(notRun.filter((it) => !commands.includes(it))).toEqual([]);
});
