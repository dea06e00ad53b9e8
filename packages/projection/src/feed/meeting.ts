import { setTimeout as wait } from 'node:timers/promises';
import type { StateStore } from '@backstory/core';
import { readControl, type Control } from '../generation/control.js';

/** A generation was about to go further than it is to go for now, so that it can be compared with another. */
export class Meeting extends Error {
  constructor(readonly position: number) {
    super(`to meet at position ${position}`);
  }
}

/** Up to where generations go for now. */
export function meetingIn(control: Control | undefined): number | undefined {
  const meeting = control?.meeting;
  return meeting && Date.parse(meeting.until) > Date.now() ? meeting.position : undefined;
}

/** Resolves when the generations of a projection do not meet at a position any more, or the signal aborts. */
export async function meetingOver(
  state: StateStore,
  name: string,
  { position, signal }: { readonly position: number; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted && meetingIn(await state.read((view) => readControl(view, name))) === position)
    await wait(MEETING_MS, undefined, { signal }).catch(() => undefined);
}

/** How often to look. */
const MEETING_MS = 20;
