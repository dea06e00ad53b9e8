import type { LogQuery } from '@backstory/core';
import { from, upTo } from './instant.js';
import { wholeFrom } from './numbers.js';
import type { VerbOption } from './verb.js';

/** Filters that `events` and `tail` share. */
export const FILTERS: readonly VerbOption[] = [
  {
    flags: '--stream <name>',
    description: 'only this stream; may be repeated',
    repeatable: true,
    names: 'stream',
  },
  {
    flags: '--category <name>',
    description: 'only streams of this category; may be repeated',
    repeatable: true,
    names: 'category',
  },
  {
    flags: '--type <name>',
    description: 'only this event type; may be repeated',
    repeatable: true,
    names: 'type',
  },
  { flags: '--correlation <id>', description: 'only this flow' },
  { flags: '--causation <id>', description: 'only what this event caused' },
  { flags: '--system', description: "include the framework's own streams, which begin with _" },
  { flags: '--where <expression>', description: 'only those for which this holds, e.g. "data.amount > 100"' },
];

/** Bounds of `events`. */
export const BOUNDS: readonly VerbOption[] = [
  { flags: '--id <id>', description: 'only the event with this id; may be repeated', repeatable: true },
  { flags: '--after <position>', description: 'only after this position', parse: wholeFrom(0) },
  { flags: '--up-to <position>', description: 'only up to this position', parse: wholeFrom(0) },
  { flags: '--from <time>', description: 'only recorded at or after this time', parse: from },
  {
    flags: '--to <time>',
    description: 'only recorded up to this time; a day or minute means its end',
    parse: upTo,
  },
  { flags: '--backwards', description: 'newest first' },
];

/** The values of these options, as commander gives them. */
export interface FilterValues {
  readonly stream?: readonly string[];
  readonly category?: readonly string[];
  readonly type?: readonly string[];
  readonly correlation?: string;
  readonly causation?: string;
  readonly system?: boolean;
  readonly where?: string;
  readonly id?: readonly string[];
  readonly after?: number;
  readonly upTo?: number;
  readonly from?: Date;
  readonly to?: Date;
  readonly backwards?: boolean;
}

/** The query they make. */
export function queryOf(values: FilterValues): LogQuery {
  const { stream, category, type, correlation, causation, system, id, after, from, to, backwards } = values;
  const query = {
    streams: stream,
    categories: category,
    types: type,
    correlationIds: correlation === undefined ? undefined : [correlation],
    causationIds: causation === undefined ? undefined : [causation],
    includeSystem: system,
    ids: id,
    after,
    upTo: values.upTo,
    recordedFrom: from,
    recordedUpTo: to,
    backwards,
  };
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
}
