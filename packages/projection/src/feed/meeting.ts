import { setTimeout as wait } from 'node:timers/promises';
import type { StateStore } from '@backstory/core';
import { readControl } from '../generation/control.js';
import { part, type Meeting } from '../generation/meet.js';
import { placesOf } from '../generation/places.js';

/** A generation was about to go further than it is to go for now, so that it can be compared with another. */
export class ToMeet extends Error {
  constructor(readonly position: number) {
    super(`to meet at position ${position}`);
  }
}

/**
 * Resolves when the generations of a projection do not meet at a position any more, or the signal aborts. The meeting of one who gives no
 * sign of life is over.
 */
export async function meetingOver(
  state: StateStore,
  name: string,
  { position, signal }: { readonly position: number; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    const meeting = (await state.read((view) => readControl(view, name)))?.meeting;
    if (meeting?.position !== position) return;
    if (!(await isHeld(state, name, meeting))) return part(state, name, meeting);
    await wait(MEETING_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** By the clock of the state store. */
async function isHeld(state: StateStore, name: string, { token }: Meeting): Promise<boolean> {
  const { meeting: called } = placesOf(name);
  const lease = (await state.leases(called)).find((it) => it.name === called && it.token === token);
  return lease !== undefined && lease.expiresAt > (await state.now());
}

/** How often to look. */
const MEETING_MS = 20;
