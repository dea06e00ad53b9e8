import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** What a file imports, in any form: `import`, `import type`, `export … from`, `import()`, `require()`. */
export function importsOf(file: string): string[] {
  return ts.preProcessFile(fs.readFileSync(file, 'utf8'), true, true).importedFiles.map((it) => it.fileName);
}

/** Every cycle among the files' relative imports, as the list of files that one walks through. */
export function importCycles(files: readonly string[]): string[][] {
  const done = new Set<string>();
  const cycles: string[][] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) cycles.push([...trail.slice(trail.indexOf(file)), file]);
    if (trail.includes(file) || done.has(file)) return;
    for (const next of neighboursOf(file)) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return cycles;
}

function neighboursOf(file: string): string[] {
  const relative = importsOf(file).filter((it) => it.startsWith('.'));
  const targets = relative.map((it) => path.resolve(path.dirname(file), it.replace(/\.js$/, '.ts')));
  return targets.filter((it) => fs.existsSync(it) && it.endsWith('.ts'));
}
