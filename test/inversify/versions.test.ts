import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import ts from 'typescript';

const root = path.join(__dirname, '..', '..');

/** A user's project: the built package beside an Inversify of the given name in our node_modules. */
function projectWith(inversify: string, type: 'module' | 'commonjs'): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-inversify-'));
  const modules = path.join(folder, 'node_modules');
  const place = (name: string, from = path.join('node_modules', name)) => {
    fs.mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    fs.symlinkSync(path.join(root, from), path.join(modules, name), 'junction');
  };
  for (const it of ['aggregate', 'core', 'events', 'repository']) place(`@backstory/${it}`);
  for (const it of ['backstory', 'reflect-metadata', '@types/node', 'undici-types']) place(it);
  place('inversify', path.join('node_modules', inversify));
  // A copy: from where a link leads to, Node would find the Inversify of this repository.
  for (const it of ['package.json', 'dist'])
    fs.cpSync(path.join(root, 'packages/inversify', it), path.join(modules, '@backstory/inversify', it), {
      recursive: true,
    });
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ type }));
  fs.copyFileSync(path.join(__dirname, 'service.ts'), path.join(folder, 'service.ts'));
  return folder;
}

/** What the compiler says, with the types of everything the program uses. */
function compile(folder: string): readonly string[] {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path.join(root, 'tsconfig.base.json'), ts.sys.readFile).config,
    ts.sys,
    folder,
  );
  const own = { skipLibCheck: false, declaration: false, declarationMap: false };
  const program = ts.createProgram([path.join(folder, 'service.ts')], { ...options, ...own });
  const { diagnostics } = program.emit();
  return [...ts.getPreEmitDiagnostics(program), ...diagnostics].map((it) =>
    ts.flattenDiagnosticMessageText(it.messageText, '\n'),
  );
}

describe.each([
  ['inversify', 'Inversify 7'],
  ['inversify8', 'Inversify 8'],
])('%s', (name, version) => {
  it.each(['module', 'commonjs'] as const)(
    'serves a program of type %s, which compiles with its types',
    (type) => {
      const folder = projectWith(name, type);
      try {
        expect(compile(folder)).toEqual([]);
        const argv = ['--disable-warning=ExperimentalWarning', 'service.js', path.join(folder, 'bank.db')];
        const said = execFileSync(process.execPath, argv, { cwd: folder, encoding: 'utf8' });
        expect(said.trim()).toBe(version);
      } finally {
        fs.rmSync(folder, { recursive: true });
      }
    },
    120_000,
  );
});
