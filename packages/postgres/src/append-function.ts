import { appendLockKey } from './lock-key.js';

/**
 * `append_v1`: what PostgreSQL runs for every batch of appends. Why it is as it is: docs/decisions/0002.
 *
 * Its name has a version: processes of an older release call theirs while a newer release is rolled out.
 *
 * @param schema quoted
 */
export function appendFunction(schema: string): string {
  return APPEND_V1.replaceAll('{schema}', () => schema);
}

/** Belongs to a function: its transaction commits durably, although the connection asked for less. `local` and the like stay. */
export const COMMIT_DURABLY = `
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;`;

/** How every function that appends begins. */
export const TAKE_LOCK = `
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'an append needs read committed, not %: a snapshot taken before the lock does not show the last append',
      current_setting('transaction_isolation') using errcode = 'invalid_transaction_state';
  end if;${COMMIT_DURABLY}

  -- First, and in a statement of its own: the snapshots of later statements then show everything that was committed
  -- before the lock was given. It is held until the commit is visible.
  began := clock_timestamp();
  perform pg_advisory_xact_lock(${appendLockKey("'events'")});
  waited_ms := extract(epoch from clock_timestamp() - began) * 1000;
`;

/** Settings of every function that appends. */
export const SETTINGS = `
  set search_path = {schema}, pg_temp
  set plan_cache_mode = force_generic_plan  -- planning anew costs more than running
  set enable_seqscan = off                  -- a plan made while the log was small must not scan it once it is large`;

const APPEND_V1 = `
-- Records a batch of appends as if they ran one after another, and says what became of each of their writes.
--
--   append_writes   one per append: how many writes it has
--   write_stream    one per write: the place of its stream in streams
--   write_expected  one per write: the version, -1 for "exists", -2 for "any"
--   write_events    one per write: how many events it has
--   streams         the streams of the batch, each once
--   the others      one per event, in the order of the writes
--
-- Answers one row per write, recorded or repeated, with the version and position of its last event; for an append that
-- was refused one row, conflict with the stream's version or reused with the id, at the write that it concerns. Every row
-- says how long the batch waited for the lock.
create function {schema}.append_v1(
  append_writes int[], write_stream int[], write_expected bigint[], write_events int[], streams text[],
  ids text[], types text[], schema_versions int[], correlations text[], causations text[], datas json[], metadatas json[]
) returns table (append int, write int, outcome text, last_version bigint, last_position bigint, recorded timestamptz, event_id text,
  waited_ms int)
language plpgsql${SETTINGS}
as $$
declare
  head bigint;                 -- the last position given
  stored bigint;               -- the last position inserted
  clock timestamptz;
  versions bigint[];           -- of streams, as this batch leaves them
  suspects int[];              -- places in ids of those that are in the log already or occur twice in this batch
  event_stream text[];
  event_position bigint[] := array_fill(null::bigint, array[cardinality(ids)]);  -- null: not recorded
  event_version bigint[] := event_position;
  event_index int[] := event_position;
  first_write int; last_write int := 0;
  first_event int; last_event int := 0;
  suspect boolean; next_suspect int := 1;
  event int;
  begins bigint;               -- where this append's first id stands in the log
  began timestamptz;           -- to wait for the lock
  was record;                  -- the append that begins there, if one does
begin
  -- A client that is cut off before it commits keeps everybody out, until the network gives it up after hours.
  if current_setting('idle_in_transaction_session_timeout') = '0' then
    perform set_config('idle_in_transaction_session_timeout', '10s', true);
  end if;${TAKE_LOCK}
  select e.position, e.recorded_at into head, clock from events e order by e.position desc limit 1;
  head := coalesce(head, 0);
  stored := head;
  clock := greatest(clock, date_trunc('milliseconds', clock_timestamp()));
  select array_agg(coalesce((select e.version from events e where e.stream = s.name order by e.version desc limit 1), 0) order by s.n)
    into versions from unnest(streams) with ordinality s(name, n);
  -- Not exists: that may be planned as a hash of the whole table.
  select array_agg(i.n order by i.n) into suspects
    from (select id, n, count(*) over (partition by id) as times from unnest(ids) with ordinality x(id, n)) i
    where i.times > 1 or (select e.position from events e where e.id = i.id) is not null;

  for a in 1 .. cardinality(append_writes) + 1 loop
    exit when a > cardinality(append_writes) and head = stored;
    first_write := last_write + 1;
    last_write := last_write + coalesce(append_writes[a], 0);
    first_event := last_event + 1;
    for w in first_write .. last_write loop
      for k in 1 .. write_events[w] loop
        last_event := last_event + 1;
        event_stream[last_event] := streams[write_stream[w]];
      end loop;
    end loop;
    suspect := false;
    while suspects[next_suspect] <= last_event loop
      suspect := true;
      next_suspect := next_suspect + 1;
    end loop;

    -- What was accepted is inserted at the end, or before an append that may repeat it.
    if head > stored and (suspect or a > cardinality(append_writes)) then
      insert into events (position, stream, version, id, type, schema_version, append_index, correlation_id, causation_id,
          recorded_at, size, data, metadata)
        select n.position, n.stream, n.version, n.id, n.type, n.schema_version, n.append_index, n.correlation_id, n.causation_id,
          clock, octet_length(n.data::text) + octet_length(n.metadata::text), n.data, n.metadata
        from unnest(event_position, event_stream, event_version, ids, types, schema_versions, event_index, correlations,
          causations, datas, metadatas) as n(position, stream, version, id, type, schema_version, append_index,
          correlation_id, causation_id, data, metadata)
        where n.position > stored;
      stored := head;
    end if;
    exit when a > cardinality(append_writes);
    append := a;

    -- Identity comes before the version: a repeated append finds its own events in its way.
    if suspect then
      select e.position into begins from events e where e.id = ids[first_event];
      select array_agg(r.id order by r.position) as ids, array_agg(r.stream order by r.position) as streams,
          array_agg(r.version order by r.position) as versions, array_agg(r.position order by r.position) as positions,
          max(r.recorded_at) as recorded_at
        into was
        from (
          select e.*, row_number() over (order by e.position) - 1 as place
          from (select * from events e where e.position >= begins order by e.position limit last_event - first_event + 2) e
        ) r where r.append_index = r.place;
      if was.ids = ids[first_event:last_event] and was.streams = event_stream[first_event:last_event] then
        outcome := 'repeated';
        -- A commit waits for the disk and the standby only where something was written. Perhaps this append was seen, but its
        -- own wait was broken off.
        perform pg_logical_emit_message(true, 'backstory', '');
        recorded := was.recorded_at;
        event := 0;
        for w in first_write .. last_write loop
          event := event + write_events[w];
          write := w - first_write + 1;
          last_version := was.versions[event];
          last_position := was.positions[event];
          return next;
        end loop;
        continue;
      end if;
      select i.n, i.id into event, event_id
        from unnest(ids[first_event:last_event]) with ordinality i(id, n)
        where (select e.position from events e where e.id = i.id) is not null order by i.n limit 1;
      if found then
        outcome := 'reused';
        write := 1;
        for w in first_write .. last_write loop
          exit when event <= write_events[w];
          event := event - write_events[w];
          write := write + 1;
        end loop;
        last_version := null; last_position := null; recorded := null;
        return next;
        event_id := null;
        continue;
      end if;
    end if;

    -- All writes or none: nothing changes until each is at its expected version.
    outcome := 'recorded';
    for w in first_write .. last_write loop
      last_version := versions[write_stream[w]];
      if write_expected[w] <> last_version and write_expected[w] >= 0 or write_expected[w] = -1 and last_version = 0 then
        outcome := 'conflict';
        write := w - first_write + 1;
        last_position := null; recorded := null;
        return next;
        exit;
      end if;
    end loop;
    continue when outcome = 'conflict';

    event := first_event;
    for w in first_write .. last_write loop
      last_version := versions[write_stream[w]];
      for k in 1 .. write_events[w] loop
        head := head + 1;
        last_version := last_version + 1;
        event_position[event] := head;
        event_version[event] := last_version;
        event_index[event] := event - first_event;
        event := event + 1;
      end loop;
      versions[write_stream[w]] := last_version;
      write := w - first_write + 1;
      last_position := head;
      recorded := clock;
      return next;
    end loop;
  end loop;
end
$$;
`;
