import type { LogQuery } from '@backstory/core';
import { Filter, where } from '@backstory/router/filter';
import { givenText } from './given-text.js';
import { from, upTo } from './instant.js';
import { wholeFrom } from './numbers.js';
import type { VerbCall, VerbOption } from './verb.js';

/** Filters that `events`, `tail` and `export` share. */
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
    description: 'only this event type, * stands for any characters; may be repeated',
    repeatable: true,
    names: 'type',
  },
  { flags: '--correlation <id>', description: 'only this flow' },
  { flags: '--causation <id>', description: 'only what this event caused' },
  { flags: '--system', description: "include the framework's own streams, which begin with _" },
  { flags: '--where <expression>', description: 'only those for which this holds, e.g. "data.amount > 100"' },
  {
    flags: '--filter <json>',
    description: 'only what a filter of the application lets through; @<file> reads a file',
  },
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
  readonly filter?: string;
  readonly id?: readonly string[];
  readonly after?: number;
  readonly upTo?: number;
  readonly from?: Date;
  readonly to?: Date;
  readonly backwards?: boolean;
}

/** What of a log is meant: what it is asked for, and what of that a filter lets through. */
export interface Selection {
  readonly query: LogQuery;
  readonly filter?: Filter;
}

/** What these options mean. @throws InvalidExpression, InvalidFilter, UsageError */
export function selectionOf(values: FilterValues, io: VerbCall['io']): Selection {
  const { type, where: expression, filter } = values;
  const query = queryOf(values);
  const parts: Filter[] = [];
  if (type && !query.types) parts.push(where.type(...type));
  if (expression !== undefined) parts.push(where.expression(expression));
  if (filter !== undefined) parts.push(Filter.parse(givenText('--filter', filter, io)));
  const [first, ...others] = parts;
  return { query, ...(first && { filter: others.length > 0 ? first.and(...others) : first }) };
}

/** What the log is asked for; what a filter needs of it as well is narrower where both say something. */
export function asked({ query, filter }: Selection): LogQuery {
  return { ...filter?.toQuery(), ...query };
}

function queryOf(values: FilterValues): LogQuery {
  const { stream, category, type, correlation, causation, system, id, after, from, to, backwards } = values;
  const query = {
    streams: stream,
    categories: category,
    // None for a pattern: a log has no index for what only looks like a name.
    types: type && where.type(...type).toQuery().types,
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
