import { ASKING, checkAskedBy, type AskedBy } from '@backstory/core/administration';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import { wholeOption } from './whole-option.js';

/** Which generation is meant. */
export interface Which extends AskedBy {
  readonly generation?: number;
}

/** How a generation is filled. */
export interface RebuildOptions extends AskedBy {
  /** At most so many events a second, so that others are not disturbed. Kept with the generation. */
  readonly eventsPerSecond?: number;
}

/** What is compared. */
export interface VerifyOptions {
  /** Default: the one being filled; with the log, the one that is read. */
  readonly generation?: number;
  /** Differences to list: a whole number from 0. Default 100. */
  readonly limit?: number;
  /** Documents in which the two may be apart: so many are folded in memory. Default 100,000. */
  readonly maxFolded?: number;
  /** Ends it before it has compared anything: while it reads the log, or waits for generations that write tables to meet. */
  readonly signal?: AbortSignal;
}

export const REBUILDING: OptionNames<RebuildOptions> = { ...ASKING, eventsPerSecond: true };
export const WHICH: OptionNames<Which> = { ...ASKING, generation: true };
const COMPARING: OptionNames<VerifyOptions> = {
  generation: true,
  limit: true,
  maxFolded: true,
  signal: true,
};

/** @throws InvalidOption */
export function whichOne<T extends Which>(which: T, names: OptionNames<T>): T {
  const { generation } = knownOptions(which, names);
  checkAskedBy(which);
  if (generation !== undefined) wholeOption('generation', generation, 1, Number.MAX_SAFE_INTEGER);
  return which;
}

/** @throws InvalidOption */
export function comparisonOf(options: VerifyOptions) {
  const { generation, limit = 100, maxFolded = 100_000, signal } = knownOptions(options, COMPARING);
  if (generation !== undefined) wholeOption('generation', generation, 1, Number.MAX_SAFE_INTEGER);
  return {
    generation,
    limit: wholeOption('limit', limit, 0, Number.MAX_SAFE_INTEGER),
    maxFolded: wholeOption('maxFolded', maxFolded, 1, Number.MAX_SAFE_INTEGER),
    signal,
  };
}
