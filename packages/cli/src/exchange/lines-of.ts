import fs from 'node:fs';
import { Interrupted, UsageError } from '../errors.js';
import { unreadableFile } from '../unreadable-file.js';

/** How a file is read. */
export interface Reading {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (bytes: number, total: number) => void;
  /** Without what follows the last line feed: a process that was ended may have written half a line. */
  readonly isWholeOnly?: boolean;
}

/** The lines of a file, one by one; that it cannot be read is told at once. @throws UsageError, Interrupted */
export function linesOf(file: string, reading: Reading = {}): AsyncGenerator<string, void> {
  return linesFrom(file, sizeOf(file), reading);
}

async function* linesFrom(
  file: string,
  total: number,
  { signal, onProgress, isWholeOnly = false }: Reading,
): AsyncGenerator<string, void> {
  const stream = fs.createReadStream(file, { encoding: 'utf8' });
  let rest = '';
  for await (const chunk of stream) {
    if (signal?.aborted) throw new Interrupted();
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop()!;
    yield* lines;
    onProgress?.(stream.bytesRead, total);
  }
  if (rest !== '' && !isWholeOnly) yield rest;
}

function sizeOf(file: string): number {
  try {
    const found = fs.statSync(file);
    if (found.isFile()) return found.size;
  } catch (cause) {
    throw unreadableFile(file, cause);
  }
  throw new UsageError('unreadable-file', `${file} is no file: give the file itself.`);
}
