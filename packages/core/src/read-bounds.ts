import { InvalidQuery } from './errors.js';
import type { LogQuery, PageBounds, StreamSlice, StreamsQuery } from './event-store.js';
import { isWellFormed } from './names.js';
import { isSystemStream } from './stream-name.js';

const LAST = Number.MAX_SAFE_INTEGER;

/** A slice with every default in place. */
export type ResolvedSlice = Required<Omit<StreamSlice, 'recordedUpTo'>> & {
  readonly recordedUpTo: Date | undefined;
};

/** A query with every default in place; an absent filter is `undefined`. */
export interface ResolvedQuery extends Required<PageBounds> {
  readonly after: number;
  readonly upTo: number;
  readonly categories: readonly string[] | undefined;
  readonly streams: readonly string[] | undefined;
  readonly types: readonly string[] | undefined;
  readonly ids: readonly string[] | undefined;
  readonly correlationIds: readonly string[] | undefined;
  readonly causationIds: readonly string[] | undefined;
  readonly recordedFrom: Date | undefined;
  readonly recordedUpTo: Date | undefined;
  readonly includeSystem: boolean;
}

/** A query for streams with every default in place. */
export type ResolvedStreamsQuery = Required<Omit<StreamsQuery, 'categories'>> & {
  readonly categories: readonly string[] | undefined;
};

/** Checks a slice of a stream as every store must. @throws InvalidQuery naming the option */
export function resolveSlice(stream: string, slice: StreamSlice = {}): ResolvedSlice {
  text('stream', stream);
  refuseUnknown(slice, SLICE);
  const bound = (name: 'after' | 'upTo' | 'upToPosition', otherwise: number) =>
    whole(name, slice[name], otherwise);
  return {
    ...resolveBounds(slice),
    after: bound('after', 0),
    upTo: bound('upTo', LAST),
    upToPosition: bound('upToPosition', LAST),
    recordedUpTo: instant('recordedUpTo', slice.recordedUpTo),
  };
}

/** Checks a query as every store must. @throws InvalidQuery naming the option */
export function resolveQuery(query: LogQuery = {}): ResolvedQuery {
  refuseUnknown(query, QUERY);
  const categories = names('categories', query.categories);
  const streams = names('streams', query.streams);
  return {
    ...resolveBounds(query),
    after: whole('after', query.after, 0),
    upTo: whole('upTo', query.upTo, LAST),
    categories,
    streams,
    types: names('types', query.types),
    ids: names('ids', query.ids),
    correlationIds: names('correlationIds', query.correlationIds),
    causationIds: names('causationIds', query.causationIds),
    recordedFrom: instant('recordedFrom', query.recordedFrom),
    recordedUpTo: instant('recordedUpTo', query.recordedUpTo),
    includeSystem: query.includeSystem ?? [...(categories ?? []), ...(streams ?? [])].some(isSystemStream),
  };
}

/** Checks a query for streams as every store must. @throws InvalidQuery naming the option */
export function resolveStreamsQuery(query: StreamsQuery = {}): ResolvedStreamsQuery {
  refuseUnknown(query, STREAMS);
  const { limit, pageSize } = resolveBounds(query);
  const categories = names('categories', query.categories);
  const includeSystem = query.includeSystem ?? (categories ?? []).some(isSystemStream);
  return { limit, pageSize, categories, includeSystem, after: text('after', query.after) ?? '' };
}

const BOUNDS = ['backwards', 'limit', 'pageSize'] as const satisfies (keyof PageBounds)[];
const SLICE: readonly (keyof StreamSlice)[] = [...BOUNDS, 'after', 'upTo', 'upToPosition', 'recordedUpTo'];
const STREAMS: readonly (keyof StreamsQuery)[] = [
  'after',
  'categories',
  'includeSystem',
  'limit',
  'pageSize',
];
const FILTERS = ['categories', 'streams', 'types', 'ids', 'correlationIds', 'causationIds'] as const;
const QUERY: readonly (keyof LogQuery)[] = [
  ...BOUNDS,
  ...FILTERS,
  'after',
  'upTo',
  'recordedFrom',
  'recordedUpTo',
  'includeSystem',
  'scan',
];

/** A filter that is misspelt would let everything through. */
function refuseUnknown(given: object, options: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !options.includes(name));
  if (unknown !== undefined)
    throw new InvalidQuery(unknown, `is no option of this read: there are ${options.join(', ')}.`);
}

function resolveBounds({ backwards = false, limit, pageSize }: PageBounds): Required<PageBounds> {
  const size = whole('pageSize', pageSize, 500);
  if (size < 1 || size > 10_000) throw new InvalidQuery('pageSize', `must be 1 to 10,000, not ${size}.`);
  return { backwards, limit: whole('limit', limit, LAST), pageSize: size };
}

function whole(option: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidQuery(option, `must be a whole number ≥ 0, not ${String(value)}.`);
  return value;
}

function instant(option: string, value: Date | undefined): Date | undefined {
  if (value !== undefined && !(value instanceof Date && !Number.isNaN(value.getTime()))) {
    throw new InvalidQuery(option, 'must be a valid Date.');
  }
  return value;
}

function names(option: string, value: readonly string[] | undefined): readonly string[] | undefined {
  if (value !== undefined && !(Array.isArray(value) && value.every((name) => typeof name === 'string'))) {
    throw new InvalidQuery(option, 'must be a list of texts.');
  }
  value?.forEach((name) => checkText(option, name));
  return value === undefined ? undefined : [...new Set(value)];
}

function text(option: string, value: string | undefined): string | undefined {
  if (value !== undefined && typeof value !== 'string') throw new InvalidQuery(option, 'must be text.');
  if (value !== undefined) checkText(option, value);
  return value;
}

/** Some databases refuse such text, others take it for other text. */
function checkText(option: string, value: string): void {
  if (!isWellFormed(value) || value.includes('\0'))
    throw new InvalidQuery(option, 'must be well-formed text without NUL, as every name in the log is.');
}
