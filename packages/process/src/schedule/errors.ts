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

/** There is no such schedule: it was never made, was carried out, or was cancelled. */
export class ScheduleNotFound extends BackstoryError {
  readonly code = 'BACKSTORY_SCHEDULE_NOT_FOUND';
  constructor(readonly schedule: string) {
    super(
      `There is no schedule ${schedule}: it was carried out, cancelled or never made. List those there are.`,
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
