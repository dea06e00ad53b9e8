import type { StoredEvent } from '@backstory/core';
import { isSystemStream, type ResolvedQuery } from '@backstory/core/store';
import type { Value } from './driver.js';
import type { Bounds, Filter } from './filter.js';
import { mergedPositions } from './merged-positions.js';
import { Portions } from './portions.js';
import type { SqliteFile } from './sqlite-file.js';
import { eventsOf, selectEvents, type EventsRow } from './stored-event.js';

/** Gives the next matching events within bounds, `size` at most. */
export type EventSource = (file: SqliteFile, bounds: Bounds, size: number) => Promise<Found>;

/** With `more`, there may be more behind the last of them; without, there are none within the bounds. */
interface Found {
  readonly events: StoredEvent[];
  readonly more: boolean;
}

/**
 * How a query is answered.
 *
 * | filters | answer |
 * |---|---|
 * | none, or one type, category, correlation or causation | one statement: an index gives the events in log order |
 * | anything else | positions from the most selective filter's index, merged in log order; then those events, tested for the other filters |
 *
 * Either way a statement's work is bounded by the page, and system streams are left out afterwards.
 */
export function eventSource(query: ResolvedQuery): EventSource {
  const filters = filtersOf(query);
  const [first] = filters;
  if (first === undefined) return inOrder(query, '', []);
  const [value] = first.values;
  const single = filters.length === 1 && first.values.length === 1 && first.ordered;
  return single && value !== undefined
    ? inOrder(query, `${first.column} = ? AND`, [value])
    : merged(query, first, filters.slice(1));
}

/** The filters given, the one that lets the fewest events through first, as far as one can know. */
function filtersOf(query: ResolvedQuery): Filter[] {
  const { ids, correlationIds, causationIds, streams, types, categories } = query;
  const given: [Filter['column'], readonly string[] | undefined][] = [
    ['id', ids],
    ['correlation_id', correlationIds],
    ['causation_id', causationIds],
    ['stream', streams],
    ['type', types],
    ['category', categories],
  ];
  return given.flatMap(([column, values]) =>
    values === undefined ? [] : [{ column, values, ordered: column !== 'id' && column !== 'stream' }],
  );
}

function inOrder({ backwards, includeSystem }: ResolvedQuery, filter: string, params: Value[]): EventSource {
  const sql = selectEvents(
    `${filter} position > ? AND position <= ? ORDER BY position ${backwards ? 'DESC' : 'ASC'} LIMIT ?`,
  );
  return async (file, { after, upTo }, size) => {
    const found: StoredEvent[] = [];
    const portions = new Portions();
    for (;;) {
      // A hundred at least after the first time, because of system streams, which may be many in a row.
      const wanted = found.length === 0 ? size : Math.max(size - found.length, 100);
      const asked = portions.next(wanted);
      const events = await file.read((session) =>
        eventsOf(session.first<EventsRow>(sql, ...params, after, upTo, asked)!),
      );
      const shown = includeSystem ? events : events.filter(({ stream }) => !isSystemStream(stream));
      portions.add(shown);
      found.push(...shown);
      if (found.length >= size || portions.areFull) return { events: found.slice(0, size), more: true };
      if (events.length < asked) return { events: found, more: false };
      const last = events.at(-1)!.position;
      if (backwards) upTo = last - 1;
      else after = last;
    }
  };
}

function merged(query: ResolvedQuery, first: Filter, others: readonly Filter[]): EventSource {
  const { backwards, includeSystem } = query;
  // A plus sign keeps the planner from the index of a column: the positions are few and known.
  const tests = others.map(({ column }) => `AND +${column} IN (SELECT value FROM json_each(?))`);
  if (!includeSystem) tests.push(`AND substr(stream, 1, 1) <> '_'`);
  const sql = selectEvents(
    `position IN (SELECT value FROM json_each(?)) ${tests.join(' ')}
    ORDER BY position ${backwards ? 'DESC' : 'ASC'} LIMIT -1`,
  );
  const params = others.map(({ values }) => JSON.stringify(values));
  return async (file, bounds, size) => {
    const found: StoredEvent[] = [];
    const portions = new Portions();
    for await (const positions of mergedPositions(file, { filter: first, bounds, backwards, size })) {
      for (let i = 0; i < positions.length;) {
        const some = JSON.stringify(positions.slice(i, (i += portions.next(size - found.length))));
        const events = await file.read((session) =>
          eventsOf(session.first<EventsRow>(sql, some, ...params)!),
        );
        portions.add(events);
        found.push(...events);
        if (found.length === size || portions.areFull) return { events: found, more: true };
      }
    }
    return { events: found, more: false };
  };
}
