import type { StateStore } from '@backstory/core';
import { LeaseHolder } from '@backstory/core/state';
import { readControl, writeControl, type Control } from './control.js';
import { requireControl } from './generations.js';
import { placesOf } from './places.js';
import { standingOf } from './verification.js';

/** That generations go no further than a position for now. */
export type Meeting = NonNullable<Control['meeting']>;

/**
 * Has what is read and another generation go no further than a position, for as long as somebody holds them: the least one given, or one
 * that neither is beyond. Of one who dies they go on in a moment. It is written once, for what every batch reads cannot be written again
 * and again without being in the way of one that takes long: a lease says that it still counts.
 */
export class HeldMeeting {
  private readonly leases: LeaseHolder;
  private meeting: Meeting | undefined;

  constructor(
    private readonly state: StateStore,
    private readonly name: string,
    private readonly asked: { readonly generation: number | undefined; readonly least: number },
  ) {
    this.leases = new LeaseHolder(state, { ttlMs: HELD_MS });
  }

  /** Has them meet, or go on to where one has come that was at work as it was written. Call it again and again. Gives the position. */
  async hold(): Promise<number> {
    const { meeting } = this;
    const known = meeting?.position ?? this.asked.least;
    const lease = await this.leases.acquire(placesOf(this.name).meeting);
    // Another one has them meet.
    if (!lease) return known;
    const position = Math.max(known, await this.farthest());
    if (position !== meeting?.position || lease.token !== meeting.token)
      this.meeting = await meetAt(this.state, this.name, { position, token: lease.token });
    return position;
  }

  /** Has them go on. */
  async end(): Promise<void> {
    try {
      if (this.meeting) await part(this.state, this.name, this.meeting);
    } finally {
      await this.leases.close();
    }
  }

  private farthest(): Promise<number> {
    return this.state.read(async (view) => {
      const { live, other } = await standingOf(view, this.name, this.asked.generation);
      return Math.max(live.position, other.position);
    });
  }
}

/** How long generations wait for one who gives no sign of life. */
const HELD_MS = 3_000;

/** The transaction reads nothing that generations write, so that it is not in their way, nor they in its. */
function meetAt(state: StateStore, name: string, meeting: Meeting): Promise<Meeting> {
  return state.transaction([], async (tx) => {
    await writeControl(tx, name, { ...(await requireControl(tx, name)), meeting });
    return meeting;
  });
}

/** Ends a meeting, unless there is another one by now. */
export function part(state: StateStore, name: string, { token }: Meeting): Promise<void> {
  return state.transaction([], async (tx) => {
    const control = await readControl(tx, name);
    if (control?.meeting?.token !== token) return;
    const { meeting: _over, ...own } = control;
    await writeControl(tx, name, own);
  });
}
