import { setTimeout } from 'node:timers/promises';
import { VersionConflict } from '@backstory/core';
import { UpdateConflict } from './errors.js';

export interface Attempts {
  /** How often to try in all when others change the aggregate meanwhile. Default 10. */
  readonly attempts?: number;
  /** Stops before the next attempt. What was sent to the store is not taken back. */
  readonly signal?: AbortSignal;
}

/**
 * Does `work` until it does not end in a conflict, waiting a little longer each time, by chance so that rivals part.
 * A conflict is a value inside.
 *
 * @throws UpdateConflict after the last attempt
 */
export async function untilNoConflict<T>(
  { attempts = 10, signal }: Attempts,
  work: (attempt: number) => Promise<T | VersionConflict>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    const result = await work(attempt);
    if (!(result instanceof VersionConflict)) return result;
    // Not `>=`: what is not a number must not try for ever.
    if (!(attempt < attempts)) throw new UpdateConflict(result, attempt);
    const waitMs = Math.random() * Math.min(250, 5 * 2 ** attempt);
    // Rejects when aborted; the reason is thrown at the top.
    await setTimeout(waitMs, undefined, { ...(signal && { signal }) }).catch(() => undefined);
  }
}
