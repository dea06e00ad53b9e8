import { BackstoryError } from './errors.js';

/** What timers can wait, in milliseconds: they take a longer time for none. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** An option that is a number from `least` to `most`. @throws InvalidOption */
export function numberOption(option: string, value: number, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw new InvalidOption(option, `must be a number from ${least} to ${most}, not ${String(value)}.`);
}

/** An option with a value that it cannot have. Nothing was begun. */
export class InvalidOption extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_OPTION';
  constructor(
    readonly option: string,
    message: string,
  ) {
    super(`${option}: ${message}`);
  }
}
