import { UsageError } from './errors.js';

/** A file that was given and cannot be read; says where it was looked for. */
export function unreadableFile(given: string, cause: unknown): UsageError {
  const { code, path, message } = cause as NodeJS.ErrnoException;
  const why =
    code === 'ENOENT'
      ? `is not there: give a file that is. It was looked for at ${path}.`
      : `cannot be read: ${message}.`;
  return new UsageError('unreadable-file', `${given} ${why}`);
}
