import fs from 'node:fs';
import path from 'node:path';
import type { NewFiles } from './new-files.js';
import type { PackageSource } from './packages.js';

/** What makes one project different from another. */
export interface Project {
  readonly name: string;
  /** The file of its SQLite store, as the configuration names it. */
  readonly store: string;
  readonly source: PackageSource;
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  /** Where the newest release has no package for some platform, npm ci would fail. */
  readonly overrides: Readonly<Record<string, string>>;
}

/** Backstory's packages that a new project depends on by name. */
export function packagesOfTemplate(): readonly string[] {
  const { dependencies, devDependencies } = JSON.parse(templateFile('package.json')) as Manifest;
  return Object.keys({ ...dependencies, ...devDependencies }).filter(isOurs);
}

/** The files of a new project: those of `template/`, which compile and pass as they are, with its name and its store. */
export function filesFor(project: Project): NewFiles {
  const written = FILES.map((name): [string, string] => [
    PUBLISHED_AS[name] ?? name,
    FILLED[name]?.(templateFile(name), project) ?? templateFile(name),
  ]);
  return new Map([...written, ...folderOf(project.store), ...project.source.files]);
}

const TEMPLATE = path.resolve(__dirname, '..', '..', 'template');

/** Every file of `template/`. */
const FILES = [
  'README.md',
  'package.json',
  'tsconfig.json',
  'jest.config.js',
  'gitignore',
  'backstory.config.ts',
  'src/account.ts',
  'src/account.test.ts',
  'src/main.ts',
];

/** Where they are in a project. */
export function templateFiles(): readonly string[] {
  return FILES.map((it) => PUBLISHED_AS[it] ?? it);
}

/** npm leaves a file of the right name out of what it publishes. */
const PUBLISHED_AS: Readonly<Record<string, string>> = { gitignore: '.gitignore' };

const FILLED: Readonly<Record<string, (text: string, project: Project) => string>> = {
  'backstory.config.ts': (text, { name, store }) =>
    text.replace("'my-app'", () => literal(name)).replace("'my-app.db'", () => literal(store)),
  'README.md': (text, { name, source }) =>
    text.replace('my-app', () => name) + (source.files.size > 0 ? VENDORED : ''),
  gitignore: (text, { store }) => text.replace(/^(\/my-app\.db.*\n)+/m, () => ignored(store)),
  'package.json': (text, project) =>
    `${JSON.stringify(manifestOf(JSON.parse(text) as Manifest, project), null, 2)}\n`,
};

const VENDORED = `
## Where Backstory comes from

This project was made from a clone of Backstory's repository. \`vendor/\` holds its packages as they were built there:
\`package.json\` names those that are used here, and under \`overrides\` those that they need of one another. Commit the folder.
When the packages are on your registry, name their versions in \`package.json\`, and delete \`vendor/\` and the \`overrides\` that name it.
`;

function manifestOf(manifest: Manifest, { name, source }: Project): object {
  const sourced = (dependencies: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(dependencies).map(([it, version]) => [it, isOurs(it) ? source.specOf(it) : version]),
    );
  const { dependencies, devDependencies, overrides, ...rest } = manifest;
  return {
    ...rest,
    name,
    dependencies: sourced(dependencies),
    devDependencies: sourced(devDependencies),
    overrides: { ...source.overrides, ...overrides },
  };
}

function isOurs(name: string): boolean {
  return name === 'backstory' || name.startsWith('@backstory/');
}

/** A text as TypeScript writes it. */
function literal(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner}'`;
}

/** SQLite makes no folder; a clone of the project has it as well. */
function folderOf(store: string): readonly (readonly [string, string])[] {
  const folder = path.posix.dirname(path.posix.normalize(store));
  return folder === '.' || isElsewhere(folder) ? [] : [[`${folder}/.gitkeep`, '']];
}

function isElsewhere(place: string): boolean {
  return path.isAbsolute(place) || /^\.\.(\/|$)/.test(place);
}

/** The lines of `.gitignore` for a store, if it is in the project at all. */
function ignored(store: string): string {
  const file = path.posix.normalize(store);
  if (isElsewhere(file)) return '';
  const name = file.replace(/[\\*?[\] ]/g, '\\$&');
  return ['', '-wal', '-shm', '-journal'].map((it) => `/${name}${it}\n`).join('');
}

function templateFile(name: string): string {
  return fs.readFileSync(path.join(TEMPLATE, name), 'utf8');
}
