import { UsageError } from './errors.js';
import { wholeFrom } from './numbers.js';
import type { VerbOption } from './verb.js';

/** How many results people are shown unless they say otherwise. JSON has no such limit. */
export const SHOWN = 50;

export const LIMIT: readonly VerbOption[] = [
  {
    flags: '--limit <n>',
    description: `at most this many (default: ${SHOWN}, with --json all)`,
    parse: wholeFrom(1),
  },
  { flags: '--all', description: 'no limit' },
];

export interface LimitValues {
  readonly limit?: number;
  readonly all?: boolean;
}

/** @throws UsageError */
export function limitOf({ limit, all }: LimitValues, asJson: boolean): number {
  if (all && limit !== undefined)
    throw new UsageError('conflicting-options', 'Give either --limit or --all, not both.');
  return limit ?? (all || asJson ? Infinity : SHOWN);
}

/** What to ask of a store, to show `limit` people-readable results and know whether there is more. */
export function oneMore(limit: number, asJson: boolean): { readonly limit?: number } {
  return limit === Infinity ? {} : { limit: asJson ? limit : limit + 1 };
}
