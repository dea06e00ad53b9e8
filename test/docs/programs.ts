import fs from 'node:fs';
import path from 'node:path';

/** Whether a block stands in a program as whole lines, indented as it may be there. */
export function standsIn(program: string, block: string): boolean {
  if (block.trim() === '') return false;
  const lines = block.split('\n');
  return ['', '  ', '    ', '      '].some((indent) => {
    const text = lines.map((line) => (line === '' ? line : indent + line)).join('\n');
    return `\n${program}\n`.includes(`\n${text}\n`);
  });
}

/** Whether an example of a doc comment stands in a program, which a formatter may have broken otherwise. */
export function standsInUnformatted(program: string, example: string): boolean {
  const text = unformatted(example);
  return text !== '' && unformatted(program).includes(text);
}

function unformatted(text: string): string {
  return text.replace(/\s+/g, '').replace(/,(?=[)\]}])/g, '');
}

/** The `ts` blocks in the doc comments of a source. */
export function examplesIn(source: string): readonly string[] {
  return [...source.matchAll(/^\s*\* ```ts\n([\s\S]*?)^\s*\* ```$/gm)].map(([, block]) =>
    block!.replace(/^\s*\* ?/gm, '').trim(),
  );
}

/** Of these files those that tests run: the tests themselves, what they import, and the processes they start. */
export function runByTests(files: readonly string[]): readonly string[] {
  const known = new Set(files);
  const reached = new Set<string>();
  const reach = (file: string): void => {
    if (reached.has(file) || !known.has(file)) return;
    reached.add(file);
    const text = fs.readFileSync(file, 'utf8');
    for (const [, to] of text.matchAll(/(?:from|import\(|import|require\()\s*'(\.[^']*)'/g))
      reach(sourceOf(path.resolve(path.dirname(file), to!)));
    for (const [, to] of text.matchAll(/'([\w./-]+\.(?:worker|node)\.ts)'/g))
      reach(path.resolve(path.dirname(file), to!));
  };
  for (const file of files) if (file.endsWith('.test.ts')) reach(file);
  return [...reached];
}

function sourceOf(file: string): string {
  return file.replace(/(\.js|\.ts)?$/, '.ts');
}
