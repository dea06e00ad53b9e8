import { AuditFileDamaged, AuditFileUnwritable } from './errors.js';

/** What a system call that failed means to whoever wanted a file written; anything else is given back as it is. */
export function fileFailure(file: string, error: unknown): unknown {
  const { syscall, code, path, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof syscall !== 'string') return error;
  // What is written is often made of other files.
  if (READING.includes(syscall) && !path?.startsWith(file))
    return new AuditFileDamaged(path ?? 'A file', `cannot be read: ${message}.`, { cause: error as Error });
  return new AuditFileUnwritable(file, ADVICE[code ?? ''] ?? OTHERWISE, { cause: error as Error });
}

/** Writes, and says as one of the audit's own errors why it could not. @throws AuditFileUnwritable; AuditFileDamaged where it is another file that cannot be read */
export async function writingTo<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileFailure(file, error);
  }
}

const READING = ['read', 'open', 'scandir', 'stat', 'lstat'];
const ROOM = 'make room there and do it again.';
const ACCESS = 'see that this user may write there, or give another folder.';
const OTHERWISE = 'look what stands there, and do it again.';
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: ROOM,
  EDQUOT: ROOM,
  EACCES: ACCESS,
  EPERM: ACCESS,
  EROFS: ACCESS,
};
