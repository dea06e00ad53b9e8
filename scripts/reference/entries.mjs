// What the entries of the packages export, read from their built declarations.
import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { descriptionOf } from './doc-comment.mjs';
import { messageOf } from './error-message.mjs';
import { declarationText, referredTo } from './declaration-text.mjs';

/** The entries in the order of the floors, the highest first; each name has its home in the first entry of its own package. */
export function readEntries(root) {
  const json = (file) => JSON.parse(fs.readFileSync(path.join(root, file), 'utf8'));
  const floors = json('floors.json');
  const { paths } = json('tsconfig.paths.json').compilerOptions;
  const entries = Object.entries(paths).map(([name, [source]]) => {
    const [, folder, , file] = path.posix.normalize(source).split('/');
    const description = inReadme(root, folder, name) ?? json(`packages/${folder}/package.json`).description;
    return {
      name,
      folder,
      description,
      file: built(root, `packages/${folder}/src/${file}`),
      page: pageOf(name),
    };
  });
  entries.sort((a, b) => floors[b.folder] - floors[a.folder] || (a.name < b.name ? -1 : 1));
  const missing = entries.find(({ file }) => !fs.existsSync(file));
  if (missing) throw new Error(`${missing.name} is not built: npm run build.`);
  return withNames(root, entries);
}

/** What the table of entries in the README of the package says of this one. */
function inReadme(root, folder, name) {
  const text = fs.readFileSync(path.join(root, 'packages', folder, 'README.md'), 'utf8');
  const row = text.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
  const said = row?.split('|').at(-2).trim();
  return said && `${said.charAt(0).toUpperCase()}${said.slice(1)}.`;
}

function withNames(root, entries) {
  const program = ts.createProgram(
    entries.map(({ file }) => file),
    { ...RESOLUTION, types: ['node'], skipLibCheck: true, noEmit: true },
  );
  const checker = program.getTypeChecker();
  const homes = new Map();
  for (const entry of entries) {
    const symbols = checker.getExportsOfModule(
      checker.getSymbolAtLocation(program.getSourceFile(entry.file)),
    );
    entry.names = symbols.map((it) => nameOf(it.name, resolved(it, checker), entry, { root, checker }));
    entry.names.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || (a.name < b.name ? -1 : 1));
    for (const it of entry.names)
      if (it.source?.startsWith(`packages/${entry.folder}/`) && !homes.has(it.symbol))
        homes.set(it.symbol, it);
  }
  for (const entry of entries) nameAnchors(entry, homes);
  const reading = {
    root,
    checker,
    home: (symbol) => homes.get(resolved(symbol, checker)),
    all: [...homes.values()],
  };
  for (const { names } of entries) for (const it of names) Object.assign(it, details(it, reading));
  return entries;
}

const RESOLUTION = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };

/** In the order in which a page has them. */
const KINDS = ['function', 'class', 'value', 'type', 'error'];

function nameOf(name, symbol, entry, { root, checker }) {
  const declarations = symbol.declarations.filter((it) => !ts.isModuleDeclaration(it));
  return { name, symbol, entry, declarations, source: sourceOf(root, symbol), kind: kindOf(symbol, checker) };
}

/** As GitHub makes them: `Diff` after `diff` is `diff-1`. */
function nameAnchors(entry, homes) {
  const seen = new Map([[entry.name.replace(/[^\w-]/g, ''), 1]]);
  for (const it of entry.names.filter(({ symbol }) => homes.get(symbol)?.entry === entry)) {
    const slug = it.name.toLowerCase();
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    it.anchor = before === 0 ? slug : `${slug}-${before}`;
  }
}

function details({ name, symbol, entry, declarations, source, kind }, { root, checker, home, all }) {
  const named = (text) => {
    const same = all.filter((it) => it.name === text.split('.')[0]);
    return same.find((it) => it.entry.folder === entry.folder) ?? same[0];
  };
  return {
    home: home(symbol),
    description: descriptionOf(declarations, named),
    text: declarationText(declarations, (type) => baseOf(type, checker, home)),
    uses: referredTo(declarations, checker)
      .map(home)
      .filter((it) => it && it.symbol !== symbol),
    ...(kind === 'error' && {
      message: messageOf(path.join(root, source), name),
      facts: factsOf(symbol, checker),
    }),
  };
}

/** The declaration of a type that another extends, where it is not exported and so has no section of its own. */
function baseOf(type, checker, home) {
  const symbol = checker.getSymbolAtLocation(type.expression);
  if (!symbol || home(symbol)) return undefined;
  const declaration = resolved(symbol, checker).declarations?.find(ts.isInterfaceDeclaration);
  return declaration && !/node_modules/.test(declaration.getSourceFile().fileName) ? declaration : undefined;
}

function kindOf(symbol, checker) {
  if (symbol.flags & ts.SymbolFlags.Class)
    return isError(checker.getDeclaredTypeOfSymbol(symbol), checker) ? 'error' : 'class';
  if (symbol.flags & ts.SymbolFlags.Function) return 'function';
  return symbol.flags & ts.SymbolFlags.Variable ? 'value' : 'type';
}

function isError(type, checker) {
  return ROOTS.includes(type.symbol.name) || checker.getBaseTypes(type).some((it) => isError(it, checker));
}

/** What every error of ours is a kind of. The package that checks proofs stands alone. */
const ROOTS = ['BackstoryError', 'ProofError'];

/** The code of an error, its own or that of the error it is a kind of, and the names of its fields. */
function factsOf(symbol, checker) {
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  const code = checker.typeToString(checker.getTypeOfSymbol(type.getProperty('code')));
  const properties = symbol.declarations[0].members.filter(
    (it) => ts.isPropertyDeclaration(it) && ts.isIdentifier(it.name),
  );
  return {
    code: /^"(BACKSTORY_\w+)"$/.exec(code)?.[1],
    fields: properties.map((it) => it.name.text).filter((it) => it !== 'code'),
  };
}

function resolved(symbol, checker) {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** The file in which a name is written, from the root; `undefined` for what another library declares. */
function sourceOf(root, symbol) {
  const file = symbol.declarations?.[0]?.getSourceFile().fileName;
  if (!file || /node_modules/.test(path.relative(root, file))) return undefined;
  return path
    .relative(root, file)
    .replace('/dist/', '/src/')
    .replace(/\.d\.ts$/, '.ts');
}

function built(root, source) {
  return path.join(root, source.replace('/src/', '/dist/').replace(/\.ts$/, '.d.ts'));
}

function pageOf(entry) {
  return `${entry.replace('@backstory/', '').replaceAll('/', '-')}.md`;
}
