import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.js';

/**
 * Makes sure that the store of a new project can be opened there one day, and is no file of the project itself.
 *
 * @throws UsageError
 */
export function requireStore(store: string, folder: string, files: readonly string[]): void {
  const place = path.resolve(folder, store);
  const [, problem] = REFUSED.find(([applies]) => applies({ store, folder, place, files })) ?? [];
  if (problem === undefined) return;
  throw new UsageError(
    'invalid-store',
    `--store sqlite:${store} ${problem}: give a file of its own, e.g. --store sqlite:data/log.db. Nothing was written.`,
  );
}

interface Wish {
  readonly store: string;
  readonly folder: string;
  readonly place: string;
  readonly files: readonly string[];
}

const REFUSED: readonly (readonly [(wish: Wish) => boolean, problem: string])[] = [
  [
    ({ store }) => /^(:memory:|file:|sqlite:)/.test(store),
    'is no path, and a project keeps its log in a file',
  ],
  [({ store }) => /\p{Cc}/u.test(store), 'has characters in it that cannot be seen'],
  [({ store }) => /[/\\]$/.test(store), 'names a folder'],
  [({ folder, place }) => isWithin(folder, place) || isFolder(place), 'names a folder'],
  [({ place }) => !isFolder(nearest(path.dirname(place))), 'names a place in a file'],
  [isOfProject, 'would stand where the project has files of another kind'],
];

/** What npm, TypeScript and git make beside the files of the template. */
const MADE = ['node_modules', 'dist', 'vendor', 'package-lock.json', '.git'];

function isOfProject({ folder, place, files }: Wish): boolean {
  return (
    files.some((it) => isWithin(path.join(folder, it), place) || isWithin(place, path.join(folder, it))) ||
    MADE.some((it) => isWithin(place, path.join(folder, it)))
  );
}

/** Whether a path is a folder or somewhere in it; some file systems do not tell `SRC` from `src`. */
function isWithin(place: string, folder: string): boolean {
  const between = path.relative(folder.toLowerCase(), place.toLowerCase());
  return !path.isAbsolute(between) && between.split(path.sep)[0] !== '..';
}

function isFolder(place: string): boolean {
  return fs.existsSync(place) && fs.statSync(place).isDirectory();
}

/** The path, or what is there on the way to it. */
function nearest(place: string): string {
  return fs.existsSync(place) ? place : nearest(path.dirname(place));
}
