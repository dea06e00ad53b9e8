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
  exports: Record<string, unknown>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const floors = readJson<Record<string, number>>('floors.json');
const manifests = new Map(folders.map((it) => [it, readJson<Manifest>(`packages/${it}/package.json`)]));
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

  it('is published under the licence and for the Node versions of the house', () => {
    const { license, engines } = manifest;
    expect({ license, engines }).toEqual({ license: 'Apache-2.0', engines: { node: '>=20.19' } });
  });
});

function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || isBuiltin(specifier)) return undefined;
  return /^(@[^/]+\/)?[^/]+/.exec(specifier)![0];
}
