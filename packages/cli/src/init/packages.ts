import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CommandIo } from '../io.js';
import type { NewFiles } from './new-files.js';
import { npm } from './npm.js';

/** Where a new project gets Backstory's packages from. */
export interface PackageSource {
  /** What `package.json` says of a package: `^0.1.0`, or `file:vendor/backstory-0.1.0.tgz`. */
  readonly specOf: (name: string) => string;
  /** What packages need of one another, where no registry has it. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** The packages themselves, where the project brings them. */
  readonly files: NewFiles;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** An installed command takes the release that it is of; one in a clone of the repository takes what was built there. */
export async function packageSource(needed: readonly string[], io: CommandIo): Promise<PackageSource> {
  const root = cloneRoot();
  if (root === undefined) {
    const { version } = manifestIn(OWN);
    return { specOf: () => `^${version}`, files: new Map() };
  }
  const packages = reachable(needed, manifestsIn(root));
  const nameOf = (name: string) => {
    const { version } = packages.get(name)!;
    return `vendor/${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
  };
  const specOf = (name: string) => `file:${nameOf(name)}`;
  const others = [...packages.keys()].filter((it) => !needed.includes(it)).sort();
  const overrides = Object.fromEntries(others.map((it) => [it, specOf(it)]));
  return { specOf, overrides, files: await packed(root, [...packages.keys()].map(nameOf), packages, io) };
}

/** `packages/cli`, or where it is installed. */
const OWN = path.resolve(__dirname, '..', '..');

/** The clone of Backstory's repository that this command runs from, if it does. */
function cloneRoot(): string | undefined {
  const root = path.resolve(OWN, '..', '..');
  const isClone = fs.existsSync(path.join(root, 'floors.json')) && manifestIn(root).name === MONOREPO;
  return isClone ? root : undefined;
}

const MONOREPO = 'backstory-monorepo';

function manifestIn(folder: string): Manifest {
  return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest;
}

function manifestsIn(root: string): ReadonlyMap<string, Manifest> {
  const folders = fs
    .readdirSync(path.join(root, 'packages'))
    .map((it) => path.join(root, 'packages', it))
    .filter((it) => fs.existsSync(path.join(it, 'package.json')));
  return new Map(folders.map(manifestIn).map((it) => [it.name, it]));
}

/** The packages needed, and those that they need. */
function reachable(
  needed: readonly string[],
  all: ReadonlyMap<string, Manifest>,
): ReadonlyMap<string, Manifest> {
  const found = new Map<string, Manifest>();
  const visit = (name: string): void => {
    const manifest = all.get(name);
    if (!manifest || found.has(name)) return;
    found.set(name, manifest);
    Object.keys(manifest.dependencies ?? {}).forEach(visit);
  };
  needed.forEach(visit);
  return found;
}

async function packed(
  root: string,
  files: readonly string[],
  packages: ReadonlyMap<string, Manifest>,
  io: CommandIo,
): Promise<NewFiles> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-packages-'));
  try {
    const which = [...packages.keys()].map((it) => `--workspace=${it}`);
    const argv = ['pack', ...which, `--pack-destination=${folder}`, '--ignore-scripts'];
    const next = `Does "npm run build" succeed in ${root}? Nothing was written.`;
    await npm(argv, { folder: root, next, io });
    return new Map(files.map((it) => [it, fs.readFileSync(path.join(folder, path.basename(it)))]));
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}
