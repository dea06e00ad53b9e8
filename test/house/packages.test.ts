import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { importsOf } from './import-cycles.js';
import { folders, readJson, root, sourcesOf } from './sources.js';

interface Manifest {
  name: string;
  version: string;
  license: string;
  engines: { node: string };
  exports: Record<string, string | { types: string }>;
  typesVersions?: { '*': Record<string, [string]> };
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const floors = readJson<Record<string, number>>('floors.json');
const manifests = new Map(folders.map((it) => [it, readJson<Manifest>(`packages/${it}/package.json`)]));
const house = readJson<{ devDependencies: Record<string, string> }>('package.json');
const published = packed();
const folderOf = new Map([...manifests].map(([folder, { name }]) => [name, folder]));

it('every package has a floor and every floor a package', () => {
  const onDisk = fs.readdirSync(path.join(root, 'packages'));
  expect(
    onDisk.filter((it) => fs.existsSync(path.join(root, 'packages', it, 'package.json'))).sort(),
  ).toEqual([...folders].sort());
});

describe.each(folders)('%s', (folder) => {
  const manifest = manifests.get(folder)!;
  const dependencies = Object.entries(manifest.dependencies ?? {});

  it('depends on packages of lower floors only, at exactly their version', () => {
    for (const [name, version] of dependencies.filter(([it]) => folderOf.has(it))) {
      const below = folderOf.get(name)!;
      expect({ name, lower: floors[below]! < floors[folder]! }).toEqual({ name, lower: true });
      expect({ name, version }).toEqual({ name, version: manifests.get(below)!.version });
    }
  });

  it('pins what it depends on', () => {
    expect(dependencies.filter(([, version]) => !/^\d+\.\d+\.\d+/.test(version))).toEqual([]);
  });

  it('declares every package that its sources import', () => {
    const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
    const imported = sourcesOf(folder).flatMap(importsOf).map(packageOf);
    expect(imported.filter((it) => it !== undefined && !(it in declared))).toEqual([]);
  });

  it('imports every package that it depends on', () => {
    const imported = new Set(sourcesOf(folder).flatMap(importsOf).map(packageOf));
    const needless = dependencies.map(([name]) => name).filter((it) => !imported.has(it));
    // Types that others are given are no import of ours: what they describe is.
    expect(needless.filter((it) => !imported.has(it.replace(/^@types\//, '')))).toEqual([]);
  });

  it('brings the types that its own types mention', () => {
    const mentioned = new Set(declarationsOf(folder).flatMap(importsOf).map(packageOf));
    const lacking = Object.keys(house.devDependencies)
      .filter((it) => it.startsWith('@types/') && mentioned.has(it.slice('@types/'.length)))
      .filter((it) => !(it in (manifest.dependencies ?? {})));
    expect(lacking).toEqual([]);
  });

  it('is published with what was built, a README and the licence, and without tests', () => {
    const files = published.find(({ name }) => name === manifest.name)!.files.map((it) => it.path);
    expect(files).toEqual(
      expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'README.md', 'LICENSE']),
    );
    // What a new project begins with has a test of its own.
    const own = files.filter((it) => !it.startsWith('template/'));
    expect(own.filter((it) => /\.(test|worker)\.|tsbuildinfo|(^|\/)src\//.test(it))).toEqual([]);
    const licence = (where: string) => fs.readFileSync(path.join(root, where, 'LICENSE'), 'utf8');
    expect(licence(`packages/${folder}`)).toBe(licence('.'));
  });

  it('names the types of its entries also for compilers that do not read exports (node10)', () => {
    const entries = Object.entries(manifest.exports).flatMap(([entry, target]) =>
      entry === '.' || typeof target === 'string' ? [] : [[entry.slice('./'.length), [target.types]]],
    );
    expect(manifest.typesVersions?.['*'] ?? {}).toEqual(Object.fromEntries(entries));
  });

  it('is published under the licence and for the Node versions of the house', () => {
    const { license, engines } = manifest;
    expect({ license, engines }).toEqual({ license: 'Apache-2.0', engines: { node: '>=20.19' } });
  });
});

/** What npm would put into each package. */
function packed(): readonly {
  readonly name: string;
  readonly files: readonly { readonly path: string }[];
}[] {
  const options = { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' } as const;
  const argv = ['pack', '--workspaces', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'];
  return JSON.parse(execFileSync('npm', argv, options)) as ReturnType<typeof packed>;
}

/** The types that are published, as they were built. */
function declarationsOf(folder: string): string[] {
  const dist = path.join(root, 'packages', folder, 'dist');
  return fs
    .readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.d.ts'))
    .map((file) => path.join(dist, file));
}

function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || isBuiltin(specifier)) return undefined;
  return /^(@[^/]+\/)?[^/]+/.exec(specifier)![0];
}
