import { setTimeout as wait } from 'node:timers/promises';
import type { StateStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import { readControl, type Control } from '../generation/control.js';
import { clockOf } from '../generation/feeders.js';

/** A generation was about to go further than it is to go for now, so that it can be compared with another. */
export class Meeting extends Error {
  constructor(readonly position: number) {
    super(`to meet at position ${position}`);
  }
}

/** Up to where generations go for now. */
export async function meetingIn(view: StateView, control: Control | undefined): Promise<number | undefined> {
  const meeting = control?.meeting;
  if (!meeting) return undefined;
  return Date.parse(meeting.until) > (await clockOf(view)) ? meeting.position : undefined;
}

/** Resolves when the generations of a projection do not meet at a position any more, or the signal aborts. */
export async function meetingOver(
  state: StateStore,
  name: string,
  { position, signal }: { readonly position: number; readonly signal: AbortSignal },
): Promise<void> {
  const now = () => state.read(async (view) => meetingIn(view, await readControl(view, name)));
  while (!signal.aborted && (await now()) === position)
    await wait(MEETING_MS, undefined, { signal }).catch(() => undefined);
}

/** How often to look. */
const MEETING_MS = 20;
