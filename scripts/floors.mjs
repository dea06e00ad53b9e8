// Writes what follows from floors.json and each package.json: the references in every tsconfig.json
// and the paths in tsconfig.paths.json. `--check` writes nothing and fails when a file differs.
// (The lint rules need no file: eslint.config.mjs reads floors.json itself.)
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import { floors, folders, nameOf } from './floor-rules.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const check = process.argv.includes('--check');

const generated = new Map([
  ['tsconfig.json', { files: [], references: rootReferences() }],
  ['tsconfig.paths.json', { compilerOptions: { paths: paths() } }],
  ...folders.map((folder) => [`packages/${folder}/tsconfig.json`, tsconfigOf(`packages/${folder}`)]),
  ...builtExamples().map((folder) => [`${folder}/tsconfig.json`, tsconfigOf(folder)]),
]);

const complaints = unlisted().map((folder) => `packages/${folder} has no floor: add it to floors.json.`);
for (const [file, value] of generated) {
  const text = await formatted(value);
  if (read(file) === text) continue;
  if (check) complaints.push(`${file} does not agree with floors.json: run \`npm run floors\`.`);
  else fs.writeFileSync(path.join(root, file), text);
}
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length > 0 ? 1 : 0;

function unlisted() {
  return fs
    .readdirSync(path.join(root, 'packages'))
    .filter((folder) => read(`packages/${folder}/package.json`) !== undefined && !(folder in floors));
}

function rootReferences() {
  const projects = [...folders.map((it) => `packages/${it}`), ...builtExamples()];
  return projects.map((it) => ({ path: `./${it}` }));
}

/** An example that has a tsconfig.json is built with the rest. */
function builtExamples() {
  return fs
    .readdirSync(path.join(root, 'examples'))
    .map((it) => `examples/${it}`)
    .filter((it) => read(`${it}/tsconfig.json`) !== undefined);
}

function tsconfigOf(folder) {
  const written = read(`${folder}/tsconfig.json`);
  const config = written === undefined ? newTsconfig() : JSON.parse(written);
  const references = dependenciesOf(folder).map((it) => path.posix.relative(folder, `packages/${it}`));
  return { ...config, references: references.map((it) => ({ path: it })) };
}

function newTsconfig() {
  return {
    extends: '../../tsconfig.base.json',
    compilerOptions: {
      composite: true,
      rootDir: 'src',
      outDir: 'dist',
      tsBuildInfoFile: 'dist/.tsbuildinfo',
    },
    include: ['src/**/*.ts'],
    exclude: ['src/**/*.test.ts', 'src/**/*.worker.ts'],
  };
}

function dependenciesOf(folder) {
  const { dependencies = {} } = JSON.parse(read(`${folder}/package.json`));
  return folders.filter((it) => nameOf(it) in dependencies);
}

function paths() {
  const entries = folders.flatMap((folder) =>
    Object.entries(JSON.parse(read(`packages/${folder}/package.json`)).exports)
      .filter(([, target]) => target.types)
      .map(([entry, target]) => [
        nameOf(folder) + entry.slice(1),
        [target.types.replace('./dist/', `./packages/${folder}/src/`).replace(/\.d\.ts$/, '.ts')],
      ]),
  );
  return Object.fromEntries(entries);
}

function read(file) {
  const full = path.join(root, file);
  return fs.existsSync(full) ? fs.readFileSync(full, 'utf8') : undefined;
}

async function formatted(value) {
  const options = await prettier.resolveConfig(path.join(root, 'floors.json'));
  return prettier.format(JSON.stringify(value), { ...options, parser: 'json' });
}
