import fs from 'node:fs';
import path from 'node:path';
import { shellWord } from '../shell-word.js';
import { InitFailed } from './init-failed.js';

/** Files by their path in the project, with `/`. */
export type NewFiles = ReadonlyMap<string, string | Buffer>;

/**
 * A project needs a folder that is not there yet or has nothing in it but `.git`.
 *
 * @throws InitFailed naming what is in the way
 */
export function requireFree(folder: string): void {
  const there = entriesOf(folder).filter((it) => it !== '.git');
  if (there.length === 0) return;
  const named = there.slice(0, NAMED).map(shellWord).join(', ');
  const more = there.length > NAMED ? ` and ${there.length - NAMED} more` : '';
  throw new InitFailed(
    'folder-in-use',
    folder,
    `${folder} is not empty: ${named}${more}. Give a folder that is new or empty; nothing was written.`,
  );
}

const NAMED = 5;

/**
 * Writes all files or none, and never over another.
 *
 * @throws InitFailed
 */
export function writeNew(folder: string, files: NewFiles): void {
  const undo: (() => void)[] = [];
  try {
    for (const [name, content] of files) {
      const file = path.join(folder, ...name.split('/'));
      makeFolder(path.dirname(file), undo);
      fs.writeFileSync(file, content, { flag: 'wx' });
      undo.push(() => fs.unlinkSync(file));
    }
  } catch (cause) {
    for (const step of undo.reverse()) attempt(step);
    const { message } = cause as Error;
    throw new InitFailed('not-writable', folder, `${folder} cannot be written: ${message}. Nothing was.`, {
      cause,
    });
  }
}

function makeFolder(folder: string, undo: (() => void)[]): void {
  if (fs.existsSync(folder)) return;
  makeFolder(path.dirname(folder), undo);
  fs.mkdirSync(folder);
  undo.push(() => fs.rmdirSync(folder));
}

/** What else is wrong while undoing says nothing about what went wrong first. */
function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // Left where it is.
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder).sort();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code === 'ENOTDIR')
      throw new InitFailed('folder-in-use', folder, `${folder} is a file: give a folder.`, { cause });
    throw new InitFailed('not-writable', folder, `${folder} cannot be read: ${message}.`, { cause });
  }
}
