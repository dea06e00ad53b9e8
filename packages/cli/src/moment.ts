import type { Moment } from '@backstory/replay';
import { UsageError } from './errors.js';
import { upTo } from './instant.js';
import { wholeFrom } from './numbers.js';
import type { VerbOption } from './verb.js';

/** As of when a stream is looked at. */
export const MOMENT: readonly VerbOption[] = [
  {
    flags: '--at-version <n>',
    description: 'after this version; 0 is the initial state',
    parse: wholeFrom(0),
  },
  {
    flags: '--at <time>',
    description: 'at this recorded time; a day or minute means its end',
    parse: upTo,
  },
];

export interface MomentValues {
  readonly atVersion?: number;
  readonly at?: Date;
}

/** @throws UsageError */
export function momentOf({ atVersion, at }: MomentValues): Moment {
  if (atVersion !== undefined && at !== undefined)
    throw new UsageError('conflicting-options', 'Give either --at-version or --at, not both.');
  return { ...(atVersion === undefined ? {} : { atVersion }), ...(at ? { at } : {}) };
}
