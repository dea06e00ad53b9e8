import { StoreUnavailable } from '@backstory/core';
import { isBusy } from './failures.js';

/**
 * Tries again while somebody else holds the file locked. Waiting is asynchronous, with some chance in it so that
 * processes do not keep step; SQLite itself would put the whole process to sleep.
 *
 * @throws StoreUnavailable after `lockTimeoutMs`
 */
export async function patiently<T>(
  work: () => T,
  { store, lockTimeoutMs }: { readonly store: string; readonly lockTimeoutMs: number },
): Promise<T> {
  const began = performance.now();
  for (let tries = 0; ; tries++) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error)) throw error;
      const waited = Math.round(performance.now() - began);
      if (waited >= lockTimeoutMs) {
        const reason = `another process has kept it locked for ${waited} ms`;
        throw new StoreUnavailable(store, reason, { cause: error });
      }
      await pause(Math.random() * Math.min(20, 2 ** tries));
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
