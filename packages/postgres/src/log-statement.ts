import type { ResolvedQuery } from '@backstory/core/store';
import { textArray } from './binary-arrays.js';
import { EVENTS } from './event-texts.js';
import type { Statement, Value } from './session.js';

/** Where a part of the log begins and ends: positions > `after` and ≤ `upTo`, at most `size` of them looked at. */
export interface Part {
  readonly after: number;
  readonly upTo: number;
  readonly size: number;
}

/** What a statement tells of a part, in its only row. */
export type PartRow = readonly [
  head: string,
  /** The id of the event at `after`, if there is one. */
  before: string | null,
  /** How many events it looked at. */
  looked: string,
  /** How many of these a page may hold, from the first on; 0: as many as `cut` says. */
  taken: string,
  /** How many of those the filters let through. */
  wanted: string,
  /** The last one taken, if any. */
  position: string | null,
  id: string | null,
  /** Those wanted: see `eventsIn`. */
  text: string | null,
];

/** Makes the statements for a part of the log from a query. */
export interface LogStatements {
  /** All events of the part, or none where they are more than a page may hold. */
  whole(part: Part): Statement;
  /** As many of them as a page may hold. It costs half as much again. */
  cut(part: Part): Statement;
  /** The same without an index of the filter, which has several values: for filters that let most of the log through. */
  readonly walking?: LogStatements;
}

/**
 * How a query is answered: the filter that lets the fewest events through, as far as one can know, gives them in log order
 * from its index; the other filters are tested on these. Comparing rows, `(type, position) > ($4, $1)`, leaves the planner no
 * other index: with `type = $4` it may walk the whole log for a type that hardly occurs.
 */
export function logStatements(schema: string, query: ResolvedQuery): LogStatements {
  const filters = filtersOf(query);
  const [first, ...others] = filters;
  const values: Value[] = filters.map((filter) => textArray(filter.values));
  const statement = (text: string) => (part: Part) => {
    return { text, values: [part.after, part.upTo, part.size, ...values] };
  };
  const made = (tested: readonly Filter[], foundBy: (scope: Scope) => string): LogStatements => {
    const tests = tested.map(({ expression, parameter }) => `${expression} = any(${parameter}::text[])`);
    if (!query.includeSystem) tests.push(`left(stream, 1) <> '_'`);
    const matches = tests.join(' and ') || 'true';
    const scope: Scope = { schema, direction: query.backwards ? 'desc' : 'asc', matches };
    const found = foundBy(scope);
    return { whole: statement(wholeSql(scope, found)), cut: statement(cutSql(scope, found)) };
  };
  if (!first) return made([], inOrder);
  const byIndex = made(others, (scope) => byFilter(scope, first));
  return first.values.length > 1 ? { ...byIndex, walking: made(filters, inOrder) } : byIndex;
}

interface Filter {
  readonly expression: string;
  readonly values: readonly string[];
  readonly parameter: string;
  /** What follows the expression in its index. */
  readonly place: 'position' | 'version' | undefined;
}

interface Scope {
  readonly schema: string;
  readonly direction: 'asc' | 'desc';
  /** Whether an event that was found is wanted. */
  readonly matches: string;
}

function filtersOf(query: ResolvedQuery): Filter[] {
  const { ids, correlationIds, causationIds, streams, types, categories } = query;
  const given: readonly (readonly [string, readonly string[] | undefined, Filter['place']])[] = [
    ['id', ids, undefined],
    ['correlation_id', correlationIds, 'position'],
    ['causation_id', causationIds, 'position'],
    ['stream', streams, 'version'],
    ['type', types, 'position'],
    [`split_part(stream, '-', 1)`, categories, 'position'],
  ];
  const filters = given.flatMap(([expression, values, place]) =>
    values === undefined ? [] : [{ expression, values, place }],
  );
  return filters.map((filter, i) => ({ ...filter, parameter: `$${i + 4}` }));
}

/** A page ends before it would hold more than this of data and metadata; its first event it always has. */
export const MAX_PAGE_BYTES = 8 * 2 ** 20;

/** One statement, so that head and events are of one snapshot. Sizes are looked at before what is large is read. */
function wholeSql({ schema, direction }: Scope, found: string): string {
  const fits = `bytes <= ${MAX_PAGE_BYTES}`;
  return `select head, before, looked, case when ${fits} then looked else 0 end, wanted, ${idAt(schema)},
      case when ${fits} then (select ${EVENTS} from (${found}) c where matches) end
    from ${bounds(schema)}
    cross join lateral (
      select count(*) as looked, count(*) filter (where matches) as wanted, ${LAST[direction]} as last,
        coalesce(sum(size) filter (where matches), 0) as bytes
      from (${found}) c
    ) s`;
}

function cutSql({ schema, direction }: Scope, found: string): string {
  return `select head, before, coalesce(looked, 0), taken, wanted, ${idAt(schema)}, text from ${bounds(schema)}
    cross join lateral (
      select max(looked) as looked, count(*) as taken, count(*) filter (where matches) as wanted, ${LAST[direction]} as last,
        ${EVENTS} filter (where matches) as text
      from (
        select * from (
          select c.*, count(*) over () as looked,
            sum(case when matches then size else 0 end) over (order by position ${direction} rows unbounded preceding) as bytes
          from (${found}) c
        ) b where bytes <= ${MAX_PAGE_BYTES} or bytes = size order by position ${direction}
      ) p
    ) s`;
}

const LAST = { asc: 'max(position)', desc: 'min(position)' };

function idAt(schema: string): string {
  return `last, (select id from ${schema}.events where position = last limit 1)`;
}

function bounds(schema: string): string {
  return `(
      select coalesce(max(position), 0) as head, (select id from ${schema}.events where position = $1 limit 1) as before from ${schema}.events
    ) h`;
}

function inOrder({ schema, direction, matches }: Scope): string {
  return `select *, ${matches} as matches from ${schema}.events
    where position > $1 and position <= least(head, $2) order by position ${direction} limit $3`;
}

function byFilter(scope: Scope, { expression, place, parameter }: Filter): string {
  const { schema, direction, matches } = scope;
  const branch =
    place === undefined
      ? // The limit has the planner look for each by itself: joined with a walk through the log it looks cheaper than it is.
        `${expression} = value and position > $1 and position <= least(head, $2) limit 1`
      : `${expression} is not null and (${expression}, ${place}) > (value, ${BOUNDS[place](schema).after})
          and (${expression}, ${place}) <= (value, ${BOUNDS[place](schema).upTo})
          order by ${expression} ${direction}, ${place} ${direction} limit $3`;
  return `select found.*, ${matches} as matches from unnest(${parameter}::text[]) value
    cross join lateral (select * from ${schema}.events where ${branch}) found order by position ${direction} limit $3`;
}

/** The bounds of a branch, by what its index is ordered by. Versions rise with positions. */
const BOUNDS = {
  position: () => ({ after: '$1::bigint', upTo: 'least(head, $2)' }),
  version: (schema: string) => ({
    after: `case when $1::bigint = 0 then 0 else ${schema}.last_version_by(value, $1) end`,
    upTo: `case when $2 >= head then ${Number.MAX_SAFE_INTEGER} else ${schema}.last_version_by(value, $2) end`,
  }),
};
