import { cut } from '@backstory/core/state';
import type { SlowEvent } from './effects.js';

/** Where the lease was lost while something was folded, and nothing came of it. */
export interface Stuck {
  /** What comes after this position was folded. */
  readonly after: number;
  /** The event that took longest. */
  readonly slowest: SlowEvent | undefined;
}

/** Why feeding has come to nothing, and how long to wait before it is tried again, in milliseconds. */
export interface OutOfTime {
  readonly reason: string;
  readonly waitMs: number;
  /** How often in a row. */
  readonly times: number;
}

/** Each attempt keeps the process busy for as long as the last: the next one waits the longer, the more often it came to nothing. */
export function outOfTime(
  { after, slowest }: Stuck,
  leaseMs: number,
  before: OutOfTime | undefined,
): OutOfTime {
  const times = (before?.times ?? 0) + 1;
  const waitMs = Math.min(LONGEST_MS, leaseMs * 2 ** Math.min(times - 1, 20));
  const reason =
    `its lease was lost while it folded what comes after position ${after}: ${whatTook(slowest, leaseMs)}, longer than ` +
    `the ${leaseMs} ms of the lease, and nothing of it is kept. Have the fold of this event take less, or give \`defineBackstory\` a ` +
    `longer \`projectionLeaseMs\`. It was tried ${times === 1 ? 'once' : `${times} times`}, and is again after ${seconds(waitMs)} s.`;
  return { reason, waitMs, times };
}

function whatTook(slowest: SlowEvent | undefined, leaseMs: number): string {
  // Renewals come three times in the time of a lease: what takes less than that has not lost it.
  if (slowest === undefined || slowest.ms < leaseMs / 2) return 'the process was kept busy';
  const { type, stream, position } = slowest.event;
  return `${type} of ${cut(stream, 100)}, position ${position}, kept the process busy for ${Math.round(slowest.ms)} ms`;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(ms < 10_000 ? 1 : 0);
}

const LONGEST_MS = 60_000;
