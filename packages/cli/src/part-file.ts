import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from './errors.js';

// A file that has its name only when it is whole; what is there before is its part.

export function partOf(file: string): string {
  return `${file}.part`;
}

/** Makes a part, empty, and opens it. @throws UsageError where it cannot be written, or there is the file or a part of it: another process may be writing it */
export function beginPart(file: string, option = '--out'): number {
  requireFree(file, option);
  try {
    return fs.openSync(partOf(file), 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw notWritable(file, option, error);
    throw new UsageError(
      'file-in-use',
      `${partOf(file)} is there: another run is writing it, or was interrupted. Go on with it where the command knows --resume; else, when nobody writes it, remove it.`,
    );
  }
}

/** Gives the part that was opened as `fd`, which is whole now, the name of the file. @throws UsageError where it is not there any more */
export function endPart(file: string, fd: number): void {
  const found = fs.statSync(partOf(file), { throwIfNoEntry: false });
  if (found?.ino === fs.fstatSync(fd).ino) return fs.renameSync(partOf(file), file);
  throw new UsageError(
    'file-in-use',
    `${partOf(file)} was removed or renamed by somebody else while it was written: look whether ${file} is what you want.`,
  );
}

/** @throws UsageError where the file is there */
export function requireFree(file: string, option = '--out'): void {
  if (!fs.existsSync(file)) return;
  throw new UsageError('file-in-use', `${file} is there already: give another ${option}, or remove it.`);
}

/** For what is written at the end: before the work that leads to it. @throws UsageError where it cannot be written */
export function requireWritable(file: string, option: string): void {
  try {
    const found = fs.statSync(file, { throwIfNoEntry: false });
    if (found?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    fs.accessSync(found ? file : path.dirname(file), fs.constants.W_OK);
  } catch (error) {
    throw notWritable(file, option, error);
  }
}

/** What to say where a file cannot be written; what has another reason stays as it is. */
export function notWritable(file: string, option: string, error: unknown): unknown {
  const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
  if (reason === undefined) return error;
  return new UsageError('not-writable', `${file} cannot be written: ${reason}. Give another ${option}.`);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder is not there',
  ENOTDIR: 'its folder is a file',
  EISDIR: 'it is a folder',
  EACCES: 'that is not permitted',
  EPERM: 'that is not permitted',
  EROFS: 'the disk is read-only',
};
