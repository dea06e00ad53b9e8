import { SETTINGS, TAKE_LOCK } from './append-function.js';

/**
 * What PostgreSQL runs for appends of which nothing has come before and whose versions hold, as is mostly so: `append_one_v1`
 * for a single event, `append_new_v1` for a batch. Each changes nothing and answers null where a version does not hold, and
 * fails where an id has come before; `append_v1` then does it. Why there are three: docs/decisions/0018.
 *
 * A version is looked for from the one expected on: an index gives all entries of a stream that are on a page at once, and
 * to go through them took as long as the insert.
 *
 * @param schema quoted
 */
export function newAppendFunctions(schema: string): string {
  return (APPEND_ONE_V1 + APPEND_NEW_V1).replaceAll('{schema}', () => schema);
}

const APPEND_ONE_V1 = `
-- Records one event. Expected is its stream's version, -1 for "exists", -2 for "any".
-- Answers its position and version, its time in milliseconds, and how long it waited for the lock.
create function {schema}.append_one_v1(
  name text, expected bigint, id text, type text, schema_version int, correlation text, causation text, data json, metadata json
) returns bigint[]
language plpgsql${SETTINGS}
as $$
declare
  began timestamptz;           -- to wait for the lock
  waited_ms int;
  answer bigint[];
begin${TAKE_LOCK}
  insert into events (position, stream, version, id, type, schema_version, append_index, correlation_id, causation_id,
      recorded_at, size, data, metadata)
    select coalesce(head.position, 0) + 1, $1, coalesce(last.version, 0) + 1, $3, $4, $5, 0, $6, $7,
      greatest(head.recorded_at, date_trunc('milliseconds', clock_timestamp())), octet_length($8::text) + octet_length($9::text), $8, $9
    from (select) one
    left join (select e.position, e.recorded_at from events e order by e.position desc limit 1) head on true
    left join (select e.version from events e where e.stream = $1 and e.version >= expected order by e.version desc limit 1) last on true
    where case expected when -1 then last.version > 0 when -2 then true else coalesce(last.version, 0) = expected end
    returning array[events.position, events.version, (extract(epoch from events.recorded_at) * 1000)::bigint, waited_ms] into answer;
  return answer;
end
$$;
`;

const APPEND_NEW_V1 = `
-- Records a batch of appends of which no two are to one stream.
--
--   streams, expected  the streams and the version of each, -1 for "exists", -2 for "any"
--   event_stream       one per event: the place of its stream in streams
--   event_place        one per event: 1, 2, 3, ... within its stream
--   append_index       one per event: 0, 1, 2, ... within its append
--   the others         one per event, in the order of their positions
--
-- Answers the last position before them, their time in milliseconds, how long it waited for the lock, and the version
-- before them of each stream.
create function {schema}.append_new_v1(
  streams text[], expected bigint[], event_stream int[], event_place int[], append_index int[],
  ids text[], types text[], schema_versions int[], correlations text[], causations text[], datas json[], metadatas json[]
) returns bigint[]
language plpgsql${SETTINGS}
as $$
declare
  head bigint;                 -- the last position given
  clock timestamptz;
  versions bigint[];           -- of streams
  fits boolean;
  began timestamptz;           -- to wait for the lock
  waited_ms int;
begin${TAKE_LOCK}
  select coalesce(max(l.position), 0), greatest(max(l.recorded_at), date_trunc('milliseconds', clock_timestamp())),
      array_agg(s.version order by s.n),
      bool_and(case s.expected when -1 then s.version > 0 when -2 then true else s.version = s.expected end)
    into head, clock, versions, fits
    from (
      select n, u.expected, coalesce((
          select e.version from events e where e.stream = name and e.version >= u.expected order by e.version desc limit 1), 0) as version
      from unnest(streams, append_new_v1.expected) with ordinality u(name, expected, n)
    ) s
    left join (select e.position, e.recorded_at from events e order by e.position desc limit 1) l on true;
  if not fits then
    return null;
  end if;

  insert into events (position, stream, version, id, type, schema_version, append_index, correlation_id, causation_id,
      recorded_at, size, data, metadata)
    select head + e.n, streams[e.stream], versions[e.stream] + e.place, e.id, e.type, e.schema_version, e.append_index,
      e.correlation_id, e.causation_id, clock, octet_length(e.data::text) + octet_length(e.metadata::text), e.data, e.metadata
    from unnest(event_stream, event_place, append_new_v1.append_index, ids, types, schema_versions, correlations, causations, datas,
      metadatas) with ordinality
      as e(stream, place, append_index, id, type, schema_version, correlation_id, causation_id, data, metadata, n);
  return array[head, (extract(epoch from clock) * 1000)::bigint, waited_ms] || versions;
end
$$;
`;
