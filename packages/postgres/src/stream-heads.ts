import type { StreamHead } from '@backstory/core';
import { headPages, type ResolvedStreamsQuery } from '@backstory/core/store';
import type { Database } from './database.js';
import type { Arrived } from './read-ahead.js';

/** The streams in byte order, each with its last event: leaping from name to name, whatever the streams hold. */
export async function* streamHeads(
  database: Database,
  query: ResolvedStreamsQuery,
): AsyncGenerator<Arrived<readonly StreamHead[]>> {
  for await (const heads of headPages(query, (...asked) => nextHeads(database, ...asked)))
    yield { count: heads.length, make: () => heads };
}

async function nextHeads(
  database: Database,
  ...[ranges, after, size]: Parameters<Parameters<typeof headPages>[1]>
): Promise<StreamHead[]> {
  const heads: StreamHead[] = [];
  for (const { from, to } of ranges) {
    if (heads.length === size) break;
    const values = [from, to ?? null, after, size - heads.length];
    const rows = await database.read<HeadRow>({ text: headsSql(database.schema), values });
    heads.push(...rows.map(streamHead));
  }
  return heads;
}

type HeadRow = readonly [stream: string, version: string, position: string, recordedAt: string];

function streamHead([stream, version, position, recordedAt]: HeadRow): StreamHead {
  return {
    stream,
    version: Number(version),
    position: Number(position),
    recordedAt: new Date(Number(recordedAt)),
  };
}

/** From name to name by the index, rather than over all events of a stream. */
export function headsSql(schema: string): string {
  const next = (condition: string) =>
    `(select stream from ${schema}.events where ${condition} and ($2::text is null or stream < $2 collate "C") order by stream limit 1)`;
  return `with recursive names(stream, n) as (
      select ${next('stream >= $1 and stream > $3')}, 1
      union all
      select ${next('stream > names.stream')}, n + 1 from names where names.stream is not null and n < $4
    )
    select names.stream, e.version, e.position, (extract(epoch from e.recorded_at) * 1000)::bigint from names
    cross join lateral (
      select * from ${schema}.events where stream = names.stream order by version desc limit 1
    ) e where names.stream is not null order by n`;
}
