import type { LogPage } from '@backstory/core';
import type { ResolvedSlice } from '@backstory/core/store';
import type { Database } from './database.js';
import { EVENT_COLUMNS, storedEvent, type EventRow } from './event-row.js';
import { MAX_PAGE_BYTES } from './log-statement.js';

/** One stream in pages. Each page is a statement of its own, so it sees the stream as it is then. */
export async function* streamPages(
  database: Database,
  stream: string,
  slice: ResolvedSlice,
): AsyncGenerator<LogPage> {
  const { backwards, pageSize } = slice;
  const text = streamSql(database.schema, backwards);
  let { after, upTo, limit } = slice;
  for (;;) {
    const size = Math.min(pageSize, limit);
    const bound = Math.min(upTo, await versionBound(database, stream, slice));
    const rows =
      size === 0 ? [] : await database.read<StreamRow>({ text, values: [stream, after, bound, size] });
    const events = rows.map(([, ...event]) => storedEvent(event));
    limit -= events.length;
    const last = events.at(-1)?.version;
    if (last !== undefined && backwards) upTo = last - 1;
    if (last !== undefined && !backwards) after = last;
    const more = Number(rows[0]?.[0] ?? 0) === size || events.length < Number(rows[0]?.[0] ?? 0);
    const cut = limit === 0 || more;
    const come = backwards ? Math.min(upTo + 1, Number.MAX_SAFE_INTEGER) : after;
    yield { events, through: cut || !backwards ? come : slice.after + 1 };
    if (limit === 0 || !cut) return;
  }
}

type StreamRow = readonly [found: string, ...event: EventRow];

export function streamSql(schema: string, backwards: boolean): string {
  const direction = backwards ? 'desc' : 'asc';
  return `select found, ${EVENT_COLUMNS} from (
      select e.*, count(*) over () as found, sum(size) over (order by version ${direction} rows unbounded preceding) as bytes
      from (
        select * from ${schema}.events where (stream, version) > ($1, $2::bigint) and (stream, version) <= ($1, $3::bigint)
        order by stream ${direction}, version ${direction} limit $4
      ) e
    ) b where bytes <= ${MAX_PAGE_BYTES} or bytes = size order by version ${direction}`;
}

/** Bounds on position and time become a bound on version. */
async function versionBound(
  database: Database,
  stream: string,
  { upToPosition, recordedUpTo }: ResolvedSlice,
): Promise<number> {
  if (upToPosition === Number.MAX_SAFE_INTEGER && recordedUpTo === undefined) return upToPosition;
  const { schema } = database;
  const [[version] = ['0']] = await database.read<[string]>({
    text: `select ${schema}.last_version_by($1, least($2, ${schema}.last_position_by($3)))`,
    values: [stream, upToPosition, recordedUpTo?.toISOString() ?? 'infinity'],
  });
  return Number(version);
}
