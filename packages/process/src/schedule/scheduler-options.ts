import { LONGEST_TIMER, knownOptions, numberOption, type OptionNames } from '@backstory/core/store';

/** How schedules are run. */
export interface SchedulerOptions {
  /** Looks for what is due at least this often. Default 1,000. */
  readonly pollMs?: number;
  /** So many at once. Default 16. */
  readonly concurrency?: number;
  /** How often to try before a schedule counts as failed; that its process ended meanwhile is one. Default 10. */
  readonly attempts?: number;
  /** The wait after the first failure; it doubles with each, up to an hour. Default 1,000. */
  readonly delayMs?: number;
  /** How long one may take. Default 30,000. */
  readonly timeoutMs?: number;
  /** After so long without a sign of life another process takes over. Default 10,000. */
  readonly leaseMs?: number;
  /** For tests: the time, in place of the state store's clock. */
  readonly clock?: () => number;
}

/** However often something failed, it is tried again after an hour. */
export const LONGEST_DELAY_MS = 3_600_000;

const OPTIONS: OptionNames<SchedulerOptions> = {
  pollMs: true,
  concurrency: true,
  attempts: true,
  delayMs: true,
  timeoutMs: true,
  leaseMs: true,
  clock: true,
};

/** With every default in place. @throws InvalidOption */
export function checkedOptions(options: SchedulerOptions): Required<Omit<SchedulerOptions, 'clock'>> {
  const {
    pollMs = 1_000,
    concurrency = 16,
    attempts = 10,
    delayMs = 1_000,
    timeoutMs = 30_000,
    leaseMs = 10_000,
  } = knownOptions(options, OPTIONS);
  return {
    pollMs: numberOption('pollMs', pollMs, 1, LONGEST_TIMER),
    concurrency: numberOption('concurrency', concurrency, 1, 900),
    attempts: numberOption('attempts', attempts, 1, Infinity),
    delayMs: numberOption('delayMs', delayMs, 1, LONGEST_DELAY_MS),
    timeoutMs: numberOption('timeoutMs', timeoutMs, 1, LONGEST_TIMER),
    leaseMs: numberOption('leaseMs', leaseMs, 100, LONGEST_TIMER),
  };
}
