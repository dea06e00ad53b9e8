import path from 'node:path';
import ts from 'typescript';
import { folders, readJson, root } from './sources.js';

type Paths = Record<string, readonly [string]>;

const { paths } = readJson<{ compilerOptions: { paths: Paths } }>('tsconfig.paths.json').compilerOptions;
const entries = Object.entries(paths).map(([entry, [file]]) => ({ entry, file: path.join(root, file) }));

describe('every exported name says in a comment what it is', () => {
  const { program, checker } = programOf(entries.map(({ file }) => file));

  it.each(entries)('$entry', ({ file }) => {
    const names = exportsOf(program.getSourceFile(file)!, checker);
    expect(names.length).toBeGreaterThan(0);
    expect(undocumented(names, checker)).toEqual([]);
  });

  it('and every package has an entry', () => {
    const files = entries.map(
      ({ file }) => path.relative(path.join(root, 'packages'), file).split(path.sep)[0],
    );
    expect(new Set(files)).toEqual(new Set(folders));
  });
});

it('a name without a comment is found, one that only begins with a line comment too', () => {
  const file = path.join(root, 'test/house/planted/undocumented.ts');
  const { program, checker } = programOf([file]);
  const names = exportsOf(program.getSourceFile(file)!, checker);
  expect(undocumented(names, checker)).toEqual(['Bare', 'lined']);
});

function programOf(files: readonly string[]) {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path.join(root, 'tsconfig.test.json'), ts.sys.readFile.bind(ts.sys)).config,
    ts.sys,
    root,
  );
  const program = ts.createProgram(files, options);
  return { program, checker: program.getTypeChecker() };
}

function exportsOf(file: ts.SourceFile, checker: ts.TypeChecker): readonly ts.Symbol[] {
  return checker.getExportsOfModule(checker.getSymbolAtLocation(file)!);
}

/** Names that other libraries declare are theirs to explain. */
function undocumented(names: readonly ts.Symbol[], checker: ts.TypeChecker): readonly string[] {
  return names
    .map((it) => (it.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(it) : it))
    .filter((it) => !it.declarations!.some((at) => at.getSourceFile().fileName.includes('/node_modules/')))
    .filter((it) => ts.displayPartsToString(it.getDocumentationComment(checker)).trim() === '')
    .map((it) => it.name);
}
