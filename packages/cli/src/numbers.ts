import { InvalidArgumentError } from 'commander';

/** Reads a position of the log, or one of the words that stand for one. */
export function positionOr<Word extends string>(...words: readonly Word[]): (text: string) => number | Word {
  return (text) => {
    if ((words as readonly string[]).includes(text)) return text as Word;
    const position = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(position))
      throw new InvalidArgumentError(`Give a position, ${words.join(' or ')}.`);
    return position;
  };
}

/** Reads a whole number from `least`, for an option or argument. */
export function wholeFrom(least: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`Give a whole number ≥ ${least}.`);
    return value;
  };
}
