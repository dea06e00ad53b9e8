import type { StateStore } from '@backstory/core';
import { writeControl, type Control } from './control.js';
import { clockOf } from './feeders.js';
import { requireControl } from './generations.js';
import { standingOf } from './verification.js';

/** That generations go no further than a position for now. */
export type Meeting = NonNullable<Control['meeting']>;

/**
 * Has what is read and another generation go no further than a position, for some time: the given one, or one that neither is beyond.
 * The transaction reads nothing that they write, so that it is not in their way, nor they in its.
 */
export async function meet(
  state: StateStore,
  name: string,
  {
    generation,
    least,
    forMs,
  }: { readonly generation: number | undefined; readonly least: number; readonly forMs: number },
): Promise<Meeting> {
  const farthest = () =>
    state.read(async (view) => {
      const { live, other } = await standingOf(view, name, generation);
      return Math.max(live.position, other.position);
    });
  let position = Math.max(least, await farthest());
  for (;;) {
    const meeting = await meetAt(state, name, { position, forMs });
    // One that had gone beyond it before it was written stands still since.
    const reached = await farthest();
    if (reached <= position) return meeting;
    position = reached;
  }
}

function meetAt(
  state: StateStore,
  name: string,
  { position, forMs }: { readonly position: number; readonly forMs: number },
): Promise<Meeting> {
  return state.transaction([], async (tx) => {
    const meeting = { position, until: new Date((await clockOf(tx)) + forMs).toISOString() };
    await writeControl(tx, name, { ...(await requireControl(tx, name)), meeting });
    return meeting;
  });
}

/** Has them go on. */
export function part(state: StateStore, name: string, { until }: Meeting): Promise<void> {
  return state.transaction([], async (tx) => {
    const { meeting, ...own } = await requireControl(tx, name);
    if (meeting?.until === until) await writeControl(tx, name, own);
  });
}
