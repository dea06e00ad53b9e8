import { indexedIn, type StrayColumn } from '@backstory/core/administration';
import type { Database } from './database.js';

/**
 * Every event beside which something stands that it does not say, of what reads look for or go by, and whether one stands at the
 * place of another. Most are cleared by the server,
 * on which it costs a fifth of what reading costs; what it doubts is looked at here, as an append does: to take
 * ids out of metadata fails in SQL on text that holds an escaped NUL anywhere in it.
 */
export async function* strayColumns(database: Database): AsyncGenerator<readonly (string | StrayColumn)[]> {
  const text = doubtfulSql(database.schema);
  let twice = false;
  for (let after = '0'; ;) {
    const [part] = await database.read<DoubtfulRow>({ text, values: [after] });
    const [last, doubtful, doubled] = part!;
    if (last === null) return;
    if (doubled === 't' && !twice) yield [`a position after ${after}, up to ${last}, stands twice`];
    twice ||= doubled === 't';
    after = last;
    const positions = doubtful?.split(',') ?? [];
    for (let i = 0; i < positions.length; i += CLOSER) {
      const values = [`{${positions.slice(i, i + CLOSER).join()}}`];
      const rows = await database.read<Row>({ text: rowsSql(database.schema), values });
      yield rows.flatMap((row) => [...straysOf(row)]);
    }
    yield [];
  }
}

type DoubtfulRow = readonly [last: string | null, positions: string | null, doubled: 't' | 'f'];

type Row = readonly [
  position: string,
  metadata: string | null,
  correlation: string | null,
  causation: string | null,
  isTime: 't' | 'f' | null,
  isSize: 't' | 'f' | null,
];

/** Looked at by the server in one go, and here. */
const PART = 1_000;
const CLOSER = 100;

function* straysOf([at, metadata, correlation, causation, isTime, isSize]: Row): Generator<StrayColumn> {
  const position = Number(at);
  const { correlationId, causationId = null } = indexedIn(metadata ?? '');
  if (correlation !== correlationId) yield { position, column: 'correlation_id' };
  if (causation !== causationId) yield { position, column: 'causation_id' };
  if (isTime !== 't') yield { position, column: 'recorded_at' };
  if (isSize !== 't') yield { position, column: 'size' };
}

/** A null, which nobody has put there either, is doubtful as well. Whoever reads on after a position that stands twice misses a row. */
function doubtfulSql(schema: string): string {
  return `select max(position), string_agg(position::text, ',' order by position) filter (where (${IS_PLAIN}) is not true),
      count(distinct position) < count(*) or (select count(*) from ${schema}.events where position = max(e.position)) > 1
    from (
      select *, metadata::text collate "C" as said from ${schema}.events where position > $1 order by position limit ${PART}
    ) e`;
}

/** Metadata as the Recorder writes it, which begins with these ids and says them once, and without an escape, in which a key could hide. */
const IS_PLAIN = `size = octet_length(data::text) + octet_length(said)
  and case when isfinite(recorded_at) then (date_part('epoch', recorded_at) * 1000000)::bigint % 1000 = 0 end
  and starts_with(said, '{"correlationId":"')
  and split_part(said, '"', 4) = correlation_id
  and (causation_id is null or split_part(said, '"', 6) = 'causationId' and split_part(said, '"', 8) = causation_id)
  and split_part(said, 'ationId"', case when causation_id is null then 3 else 4 end) = ''
  and strpos(said, chr(92)) = 0`;

/** A time is what a restore makes of the milliseconds that are read: far from now it is not exact to the microsecond. */
function rowsSql(schema: string): string {
  return `select position, metadata::text, correlation_id, causation_id,
      case when isfinite(recorded_at)
        then recorded_at = to_timestamp(0) + (date_part('epoch', recorded_at) * 1000)::bigint * interval '1 millisecond' end,
      size = octet_length(data::text) + octet_length(metadata::text)
    from ${schema}.events where position = any($1::bigint[]) order by position`;
}
