import { InvalidArgumentError } from 'commander';

/** Reads a whole number from `least`, for an option or argument. */
export function wholeFrom(least: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`Give a whole number ≥ ${least}.`);
    return value;
  };
}
