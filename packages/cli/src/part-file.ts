import fs from 'node:fs';
import { UsageError } from './errors.js';

// A file that has its name only when it is whole; what is there before is its part.

export function partOf(file: string): string {
  return `${file}.part`;
}

/** Makes a part, empty, and opens it. @throws UsageError where there is the file or a part of it: another process may be writing it */
export function beginPart(file: string, option = '--out'): number {
  requireFree(file, option);
  try {
    return fs.openSync(partOf(file), 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
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
