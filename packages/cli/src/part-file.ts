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

/** Writes a new file, which has its name only when it is whole. What is no file, such as a pipe, is only written to. @throws UsageError */
export async function writeNew(
  file: string,
  texts: AsyncIterable<string> | Iterable<string>,
  option = '--out',
): Promise<void> {
  const isPart = !isPipe(file);
  const fd = isPart ? beginPart(file, option) : fs.openSync(file, 'w');
  try {
    for await (const text of texts) writeTo(file, fd, { text, option });
    if (isPart) endPart(file, fd);
  } catch (error) {
    if (isPart) fs.rmSync(partOf(file), { force: true });
    throw error;
  } finally {
    fs.closeSync(fd);
  }
}

/** @throws UsageError where the file is there, or is what a database keeps beside its own */
export function requireFree(file: string, option = '--out'): void {
  const database = file.replace(/-(wal|shm|journal)$/, '');
  if (database !== file && fs.existsSync(database))
    throw new UsageError('file-in-use', `${file} belongs to ${database}: give another ${option}.`);
  if (!fs.existsSync(file)) return;
  throw new UsageError(
    'file-in-use',
    `${file} is there already, and nothing is written over it: give another ${option}.`,
  );
}

/** For what is written again and again: only over what begins as it does itself. @throws UsageError */
export function requireOwn(file: string, begins: string, option: string): void {
  if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) return;
  const fd = fs.openSync(file, 'r');
  try {
    const found = Buffer.alloc(begins.length);
    // What was interrupted may be shorter.
    if (begins.startsWith(found.toString('utf8', 0, fs.readSync(fd, found)))) return;
  } finally {
    fs.closeSync(fd);
  }
  throw new UsageError(
    'file-in-use',
    `${file} is there already, and is something else than is written here: give another ${option}.`,
  );
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

function isPipe(file: string): boolean {
  const found = fs.statSync(file, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

interface Written {
  readonly text: string;
  readonly option: string;
}

function writeTo(file: string, fd: number, { text, option }: Written): void {
  try {
    fs.writeFileSync(fd, text);
  } catch (error) {
    throw notWritable(file, option, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder is not there',
  ENOTDIR: 'its folder is a file',
  EISDIR: 'it is a folder',
  EACCES: 'that is not permitted',
  EPERM: 'that is not permitted',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
};
