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
