// Writes packages/*/api.txt: every name that an entry of the package exports, with its kind.
// `--check` writes nothing and fails when a file differs.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { folders } from './floor-rules.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const check = process.argv.includes('--check');
const config = ts.getParsedCommandLineOfConfigFile(
  `${root}/tsconfig.test.json`,
  {},
  {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (it) => {
      throw new Error(ts.flattenDiagnosticMessageText(it.messageText, '\n'));
    },
  },
);
const { compilerOptions } = ts.readConfigFile(`${root}/tsconfig.paths.json`, ts.sys.readFile).config;
const sources = Object.entries(compilerOptions.paths).map(([entry, [file]]) => [
  entry,
  path.join(root, file),
]);
const program = ts.createProgram(
  sources.map(([, file]) => file),
  config.options,
);
const checker = program.getTypeChecker();

const listings = folders.map((folder) => {
  const own = sources.filter(([, file]) => file.startsWith(`${root}/packages/${folder}/`));
  return [`packages/${folder}/api.txt`, own.map(([entry, file]) => `${entry}\n${namesOf(file)}`).join('\n')];
});
for (const [file, text] of listings) {
  const full = path.join(root, file);
  if (fs.existsSync(full) && fs.readFileSync(full, 'utf8') === text) continue;
  if (!check) fs.writeFileSync(full, text);
  else console.error(`${file} is not what the package exports: run \`npm run api\` and commit the change.`);
  if (check) process.exitCode = 1;
}

function namesOf(file) {
  const module = program.getSourceFile(file) && checker.getSymbolAtLocation(program.getSourceFile(file));
  const names = module ? checker.getExportsOfModule(module) : [];
  const line = (symbol) => `  ${symbol.name}: ${kindOf(symbol)}\n`;
  return names.map(line).sort().join('');
}

function kindOf(symbol) {
  const { flags } = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const kinds = [
    [ts.SymbolFlags.Class, 'class'],
    [ts.SymbolFlags.Function, 'function'],
    [ts.SymbolFlags.Variable, 'const'],
    [ts.SymbolFlags.Enum, 'enum'],
    [ts.SymbolFlags.Module, 'namespace'],
    [ts.SymbolFlags.Interface, 'interface'],
    [ts.SymbolFlags.TypeAlias, 'type'],
  ].filter(([flag]) => flags & flag);
  return kinds.map(([, kind]) => kind).join(' + ') || 'unresolved';
}
