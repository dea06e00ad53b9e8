import { inTime, messageOf } from '@backstory/core/state';
import type { Announcements } from './announcements.js';
import type { Dispatcher } from './dispatcher.js';
import type { Ownership } from './ownership.js';
import type { Share } from './share.js';

/** What a subscription runs with in this process, once it begins nothing more. */
export interface StoppingParts {
  readonly owned: Ownership;
  readonly share: Share;
  readonly dispatcher: Dispatcher;
  readonly told: Announcements;
  /** Its loops, which are ending. */
  readonly loops: Promise<unknown>;
}

/** Lets handlers end, keeps the checkpoint, and lets other processes have the partitions; `false`: they have to wait for them. */
export async function stop(parts: StoppingParts): Promise<boolean> {
  const { owned, dispatcher, told } = parts;
  // First of all: the loops may wait for the writer that a handler holds.
  await owned.quiet(owned.all, STOPS);
  const lost = await inTime<string | undefined>(LONGEST_KEEPING_MS, end(parts), { instead: NO_CHECKPOINT });
  const held = owned.all.length;
  // What goes on is not waited for: without a lease it stores nothing.
  const waits = await inTime<string | undefined>(LONGEST_GIVING_MS, leave(parts), {
    instead: notGiven(held),
  });
  dispatcher.close(STOPS);
  await told.stopped([lost, waits].filter((it) => it !== undefined));
  return waits === undefined;
}

/** What is under way ends, and the checkpoint is kept, or it says what may have become of it: of a failed write nobody knows whether it was done. */
async function end({ owned, loops }: StoppingParts): Promise<string | undefined> {
  await Promise.all([loops, owned.later]);
  try {
    await owned.save();
    return undefined;
  } catch (error) {
    return `the last checkpoint may not be kept: ${messageOf(error)}`;
  }
}

/** Nobody is to count on this process any more. Says why others have to wait. */
async function leave({ owned, share }: StoppingParts): Promise<string | undefined> {
  const [reason] = await Promise.all([owned.letGo(), share.leave().catch(() => undefined)]);
  return reason;
}

const STOPS = 'the subscription stops';

const LONGEST_KEEPING_MS = 7_000;
const NO_CHECKPOINT = `the log or the state store gave no answer within ${LONGEST_KEEPING_MS} ms: what was handled since the last checkpoint may be delivered again`;

const LONGEST_GIVING_MS = 3_000;

function notGiven(partitions: number): string {
  const what = `the state store gave no answer within ${LONGEST_GIVING_MS} ms to giving up ${partitions} partitions`;
  return `${what}: others take over when their leases have run out`;
}
