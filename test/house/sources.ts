import fs from 'node:fs';
import path from 'node:path';

export const root = path.resolve(__dirname, '../..');

export const folders = Object.keys(readJson<Record<string, number>>('floors.json'));

/** The TypeScript that is published: `packages/<folder>/src`, without tests and their child processes. */
export function sourcesOf(folder: string): string[] {
  const source = path.join(root, 'packages', folder, 'src');
  return fs
    .readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/\.(test|worker)\.ts$/.test(file))
    .map((file) => path.join(source, file));
}

export function readJson<T>(file: string): T {
  return JSON.parse(fs.readFileSync(path.join(root, file), 'utf8')) as T;
}
