import fs from 'node:fs';
import ts from 'typescript';
import { folders, sourcesOf } from './sources.js';

interface Measured {
  readonly at: string;
  readonly lines: number;
}

it('19 of 20 functions are at most 35 lines long', () => {
  const measured = folders
    .flatMap(sourcesOf)
    .flatMap((file) => functionsOf(file, fs.readFileSync(file, 'utf8')));
  const lengths = measured.map((it) => it.lines).sort((a, b) => a - b);
  const p95 = lengths[Math.ceil(lengths.length * 0.95) - 1] ?? 0;
  const long = measured.filter((it) => it.lines > 35).map((it) => `${it.at}: ${it.lines} lines`);
  expect({ fine: p95 <= 35, long: p95 <= 35 ? [] : long }).toEqual({ fine: true, long: [] });
});

it('a function is measured from its first line to its last, the shortest arrow functions are not', () => {
  const text =
    'function a() {\n  return () => 1;\n}\nclass B {\n  c() {\n    return 1;\n  }\n  d = () => {\n  };\n}\n';
  expect(functionsOf('x.ts', text).map((it) => it.lines)).toEqual([3, 3, 2]);
});

/** Every function, method, accessor and constructor with a block for a body. */
function functionsOf(file: string, text: string): Measured[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const found: Measured[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body && ts.isBlock(node.body)) {
      const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
      const last = source.getLineAndCharacterOfPosition(node.getEnd()).line;
      found.push({ at: `${file}:${first + 1}`, lines: last - first + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
