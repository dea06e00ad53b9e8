import type { LogPage } from '@backstory/core';
import type { ResolvedSlice } from '@backstory/core/store';
import { eventsIn } from '@backstory/core/administration';
import type { Database } from './database.js';
import { EVENTS_OF_STREAM } from './event-texts.js';
import { MAX_PAGE_BYTES } from './log-statement.js';
import type { Arrived } from './read-ahead.js';
import { timeBound, timeBoundSql } from './time-bound.js';

/** One stream in pages. Each page is a statement of its own, so it sees the stream as it is then. */
export async function* streamPages(
  database: Database,
  stream: string,
  slice: ResolvedSlice,
): AsyncGenerator<Arrived<LogPage>> {
  const { backwards, pageSize } = slice;
  let { after, upTo, limit } = slice;
  for (;;) {
    const size = Math.min(pageSize, limit);
    const bound = Math.min(upTo, await versionBound(database, stream, slice));
    // One more than is wanted says whether there is more.
    const part = await readPart(database, backwards, [stream, after, bound, size + 1]);
    const [found, taken, last] = [Number(part[0]), Number(part[1]), Number(part[2])];
    const count = Math.min(taken, size);
    limit -= count;
    // Always on, also where a version stands twice behind the store.
    const isOneMore = taken > size;
    if (count > 0 && backwards) upTo = Math.min(isOneMore ? last : last - 1, upTo - 1);
    if (count > 0 && !backwards) after = Math.max(isOneMore ? last - 1 : last, after + 1);
    const cut = limit === 0 || found > count;
    const come = backwards ? Math.min(upTo + 1, Number.MAX_SAFE_INTEGER) : after;
    const through = cut || !backwards ? come : slice.after + 1;
    const text = part[3];
    const make = () => {
      return { events: text === null ? [] : eventsIn(text, taken, stream).slice(0, count), through };
    };
    yield { count, make };
    if (limit === 0 || !cut) return;
  }
}

/** Stream, after, up to, how many. */
type StreamPart = readonly [stream: string, after: number, upTo: number, size: number];

async function readPart(database: Database, backwards: boolean, values: StreamPart): Promise<PartRow> {
  const { schema } = database;
  const [whole] = await database.read<PartRow>({ text: wholeStreamSql(schema, backwards), values });
  if (whole![0] === whole![1]) return whole!;
  const [cut] = await database.read<PartRow>({ text: cutStreamSql(schema, backwards), values });
  return cut!;
}

/** How many events the part has, how many of these the page may hold (0: as many as `cutStreamSql` says), the version of the last, and those. */
type PartRow = readonly [found: string, taken: string, last: string | null, text: string | null];

/** All events of the part, or none where they are more than a page may hold. */
export function wholeStreamSql(schema: string, backwards: boolean): string {
  const direction = backwards ? 'desc' : 'asc';
  const part = partSql(schema, backwards);
  const fits = `bytes <= ${MAX_PAGE_BYTES}`;
  return `with part as materialized (${part})
    select found, case when ${fits} then found else 0 end, last, case when ${fits} then (select ${EVENTS_OF_STREAM} from part) end
    from (select count(*) as found, ${LAST[direction]} as last, coalesce(sum(size), 0) as bytes from part) s`;
}

/** As many of them as a page may hold. It costs half as much again. */
export function cutStreamSql(schema: string, backwards: boolean): string {
  const direction = backwards ? 'desc' : 'asc';
  return `select coalesce(max(found), 0), count(*), ${LAST[direction]}, ${EVENTS_OF_STREAM} from (
      select * from (
        select p.*, count(*) over () as found, sum(size) over (order by version ${direction} rows unbounded preceding) as bytes
        from (${partSql(schema, backwards)}) p
      ) e where bytes <= ${MAX_PAGE_BYTES} or bytes = size order by version ${direction}
    ) f`;
}

const LAST = { asc: 'max(version)', desc: 'min(version)' };

function partSql(schema: string, backwards: boolean): string {
  const direction = backwards ? 'desc' : 'asc';
  return `select * from ${schema}.events where (stream, version) > ($1, $2::bigint) and (stream, version) <= ($1, $3::bigint)
      order by stream ${direction}, version ${direction} limit $4`;
}

/** Bounds on position and time become a bound on version. */
async function versionBound(
  database: Database,
  stream: string,
  { upToPosition, recordedUpTo }: ResolvedSlice,
): Promise<number> {
  if (upToPosition === Number.MAX_SAFE_INTEGER && recordedUpTo === undefined) return upToPosition;
  const { schema } = database;
  const upToTime = recordedUpTo && `${schema}.last_position_by(${timeBoundSql('$3')})`;
  const [[version] = ['0']] = await database.read<[string]>({
    text: `select ${schema}.last_version_by($1, ${upToTime ? `least($2, ${upToTime})` : '$2'})`,
    values: [stream, upToPosition, ...(recordedUpTo ? [timeBound(recordedUpTo.getTime())] : [])],
  });
  return Number(version);
}
