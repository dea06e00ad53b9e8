import assert from 'node:assert/strict';
import type { LogPage, LogQuery, StoredEvent, StreamSlice } from '@backstory/core';

/** A read as its caller asked for it, and what it should have found. */
export interface ReadRules {
  readonly bounds: Pick<LogQuery, 'after' | 'upTo' | 'backwards' | 'limit' | 'pageSize'>;
  /** The coordinate of the read. */
  readonly place: (event: StoredEvent) => number;
  /** The events that match every filter and both bounds, in ascending order; the limit left aside. */
  readonly matching: readonly StoredEvent[];
  /** The last place there is, whatever the filters. */
  readonly head: number;
}

/** What the port says of every page of a read during which nothing is appended. */
export function assertPages(pages: readonly LogPage[], rules: ReadRules): void {
  const { limit = Infinity, pageSize = 500, backwards = false } = rules.bounds;
  const wanted = backwards ? [...rules.matching].reverse() : rules.matching;
  const found = pages.flatMap(({ events }) => events);
  assert.ok(pages.length > 0, 'a read gives at least one page');
  assert.deepEqual(found, wanted.slice(0, limit));
  for (const { events } of pages) assert.ok(events.length <= pageSize, 'a page has at most pageSize events');
  if (backwards) assertBackwards(pages, rules);
  else assertForwards(pages, rules);
}

function assertForwards(pages: readonly LogPage[], { bounds, place, matching, head }: ReadRules): void {
  const { after = 0, upTo = Infinity, limit = Infinity } = bounds;
  let given: StoredEvent[] = [];
  let before = after;
  for (const { events, through } of pages) {
    given = [...given, ...events];
    assert.ok(through >= before, 'through never falls');
    assert.ok(through <= Math.max(after, Math.min(upTo, head)), 'through is not beyond what there is');
    assert.deepEqual(
      given,
      matching.filter((event) => place(event) <= through),
      'everything up to through was given',
    );
    before = through;
  }
  if (given.length < limit) {
    const end =
      bounds.upTo === undefined ? head : Math.min(upTo, matching.length > 0 ? place(matching.at(-1)!) : 0);
    assert.ok(before >= end, `the last through is ${before}, the read goes up to ${end}`);
  }
}

function assertBackwards(pages: readonly LogPage[], { bounds, place, matching }: ReadRules): void {
  const { after = 0, upTo = Infinity, limit = Infinity } = bounds;
  let given: StoredEvent[] = [];
  let before = Infinity;
  for (const { events, through } of pages) {
    given = [...given, ...events];
    assert.ok(through <= before, 'through never rises on the way back');
    assert.ok(through > after || after >= upTo, 'through is above the lower bound');
    assert.deepEqual(
      given,
      matching.filter((event) => place(event) >= through).reverse(),
      'everything down to through was given',
    );
    before = through;
  }
  if (given.length < limit) assert.ok(before <= after + 1, `the last through is ${before}, not ${after + 1}`);
}

/** The naive reading of a query: what the port says of each filter, one sentence a line. */
export function matchingQuery(log: readonly StoredEvent[], query: LogQuery): StoredEvent[] {
  const { after = 0, upTo = Infinity, categories, streams, types, ids } = query;
  const named = [...(categories ?? []), ...(streams ?? [])];
  const system = query.includeSystem ?? named.some((name) => name.startsWith('_'));
  const told = ({ metadata }: StoredEvent, wanted: readonly string[] | undefined, key: string) =>
    !wanted || wanted.includes((JSON.parse(metadata) as Record<string, string>)[key]!);
  return log
    .filter(({ position }) => position > after && position <= upTo)
    .filter(({ stream }) => system || !stream.startsWith('_'))
    .filter(({ stream }) => !categories || categories.includes(stream.split('-')[0]!))
    .filter(({ stream }) => !streams || streams.includes(stream))
    .filter(({ type }) => !types || types.includes(type))
    .filter(({ id }) => !ids || ids.includes(id))
    .filter((event) => told(event, query.correlationIds, 'correlationId'))
    .filter((event) => told(event, query.causationIds, 'causationId'))
    .filter(({ recordedAt }) => !query.recordedFrom || recordedAt.getTime() >= query.recordedFrom.getTime())
    .filter(({ recordedAt }) => !query.recordedUpTo || recordedAt.getTime() <= query.recordedUpTo.getTime());
}

/** The naive reading of a slice of a stream. */
export function matchingSlice(
  log: readonly StoredEvent[],
  stream: string,
  slice: StreamSlice,
): StoredEvent[] {
  const { after = 0, upTo = Infinity, upToPosition = Infinity, recordedUpTo } = slice;
  return log
    .filter((event) => event.stream === stream)
    .filter(({ version }) => version > after && version <= upTo)
    .filter(({ position }) => position <= upToPosition)
    .filter(({ recordedAt }) => !recordedUpTo || recordedAt.getTime() <= recordedUpTo.getTime());
}
