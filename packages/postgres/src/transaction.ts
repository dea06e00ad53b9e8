import { isCollision, isTransient } from './failures.js';
import type { Run } from './session.js';

/** An `end` that makes the commit wait for the disk where the connection asked for less. `local` and `remote_apply` stay. */
export const DURABLY = `select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') = 'off';`;

/** Runs `work` between `begin` and `commit`, or rolls back. `end` goes with the commit, in one message. */
export async function inTransaction<T>(
  run: Run,
  { begin, end = '' }: { readonly begin: string; readonly end?: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    await run({ text: begin });
    const result = await work();
    await run({ text: `${end}commit` });
    return result;
  } catch (error) {
    // A connection that is lost has rolled back, and one that says nothing would be waited for a second time.
    if (!isTransient(error) || isCollision(error)) await run({ text: 'rollback' }).catch(() => undefined);
    throw error;
  }
}
