import { InvalidOption } from '@backstory/core/store';
import { shown } from '@backstory/core/state';

/** An option that is a whole number from `least` to `most`. @throws InvalidOption */
export function wholeOption(option: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new InvalidOption(option, `must be a whole number from ${least} to ${most}, not ${shown(value)}.`);
}
