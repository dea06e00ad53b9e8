import { BackstoryError } from '@backstory/core';

/** What cannot be scheduled, or not for then. Nothing was scheduled. */
export class InvalidSchedule extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_SCHEDULE';
  constructor(
    /** What is scheduled, or the option at fault. */
    readonly subject: string,
    message: string,
  ) {
    super(`${subject}: ${message}`);
  }
}

/** What was due was still at work when its time was over; it counts as a failed attempt. */
export class FiringTimedOut extends BackstoryError {
  readonly code = 'BACKSTORY_FIRING_TIMED_OUT';
  constructor(
    readonly schedule: string,
    readonly timeoutMs: number,
  ) {
    super(
      `Schedule ${schedule} did not end within ${timeoutMs} ms: it is tried again; give it more with timeoutMs.`,
    );
  }
}

/** The process that carried it out ended, or was thought dead, before it could say how that went; it counts as a failed attempt. */
export class FiringLost extends BackstoryError {
  readonly code = 'BACKSTORY_FIRING_LOST';
  constructor(readonly schedule: string) {
    super(
      `Nobody knows how schedule ${schedule} went: its process ended meanwhile. See what it did; tried again it records nothing twice.`,
    );
  }
}

/** There is no such schedule: it was never made, was carried out, or was cancelled. */
export class ScheduleNotFound extends BackstoryError {
  readonly code = 'BACKSTORY_SCHEDULE_NOT_FOUND';
  constructor(readonly schedule: string) {
    super(
      `There is no schedule ${schedule}: it was carried out, cancelled or never made. List those there are.`,
    );
  }
}

/** A schedule that is to be tried again was not tried yet: it waits for its time. Nothing was changed. */
export class ScheduleNotTried extends BackstoryError {
  readonly code = 'BACKSTORY_SCHEDULE_NOT_TRIED';
  constructor(
    readonly schedule: string,
    readonly due: Date,
  ) {
    super(
      `Schedule ${schedule} was not tried yet, so there is nothing to try again: it is due at ${due.toISOString()}.`,
    );
  }
}

/** A schedule is being carried out at this moment, so that it is too late to change it. */
export class ScheduleUnderWay extends BackstoryError {
  readonly code = 'BACKSTORY_SCHEDULE_UNDER_WAY';
  constructor(readonly schedule: string) {
    super(`Schedule ${schedule} is under way: see what became of it, and ask again if it is still there.`);
  }
}
