/**
 * Milliseconds of a clock that nobody sets: by it distances are right, whatever becomes of the system's. It starts out as the system's
 * was when the process began, and `wall` says what time it was then by the system's as it is now.
 */
export interface Clock {
  (): number;
  /** Milliseconds since the epoch. Default: the clock's own. */
  readonly wall?: (at: number) => number;
}

const now = (): number => performance.timeOrigin + performance.now();

export const steady: Clock = Object.assign(now, { wall: (at: number) => Date.now() - (now() - at) });

/** A moment of a clock as ISO 8601. */
export function isoOf(clock: Clock, at: number): string {
  return new Date(Math.round(clock.wall?.(at) ?? at)).toISOString();
}
