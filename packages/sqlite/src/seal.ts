import { statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Driver } from './driver.js';
import { Session } from './session.js';

/** Somebody has begun to write to a file that was read as one that nobody writes to. What was read may be torn. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

/**
 * Connects to a file only to read it. SQLite puts a write-ahead log and its index beside a file that it reads, and a
 * connection that may not write cannot take them away again. Where no log is there nobody has the file open, so it is
 * read as it is, and after each statement it is made sure that it still is.
 */
export function openToRead(driver: Driver, path: string): Session {
  const uri = `${pathToFileURL(path).href}?mode=ro`;
  const seal = sealOf(path);
  if (seal === undefined) return new Session(driver.open(uri));
  return new SealedSession(driver.open(`${uri}&immutable=1`), () => sealOf(path) === seal);
}

class SealedSession extends Session {
  constructor(
    connection: ReturnType<Driver['open']>,
    private readonly holds: () => boolean,
  ) {
    super(connection);
  }

  override all<T extends ReturnType<Session['all']>[number]>(...query: Parameters<Session['all']>): T[] {
    try {
      return super.all<T>(...query);
    } finally {
      // eslint-disable-next-line no-unsafe-finally -- what was read or complained of came from a file in motion
      if (!this.holds()) throw new SealBroken();
    }
  }
}

/** What is different once somebody has written to the file; `undefined` where somebody may be writing. */
function sealOf(path: string): string | undefined {
  if (isThere(`${path}-wal`) || isThere(`${path}-journal`)) return undefined;
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  if (found === undefined || found.size === 0n) return undefined;
  return `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}`;
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
