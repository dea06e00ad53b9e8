import { COMMIT_DURABLY, appendFunction } from './append-function.js';
import { newAppendFunctions } from './new-append-functions.js';

/**
 * Everything the store needs, in a schema of its own. `collate "C"` is byte order; data and metadata are `json`, which keeps
 * the text as it was written. Every index but the primary key ends with a place in the log, so each gives its events in log
 * order, and time is bisected because it rises with position: there is one index for each filter of a query and no more.
 *
 * @param schema quoted
 */
export function schemaSql(schema: string): string {
  return (
    [TABLES, PLACES, LEASES].map((sql) => sql.replaceAll('{schema}', () => schema)).join('') +
    appendFunction(schema) +
    newAppendFunctions(schema)
  );
}

const TABLES = `
create table {schema}.meta (
  one boolean primary key default true check (one),
  -- Of the tables and functions, and the lowest that a release must know to use them.
  schema_version int not null,
  usable_from int not null,
  log_id text not null,
  epoch bigint not null default 1,
  epoch_start bigint not null default 0
);

create table {schema}.events (
  position bigint primary key,
  stream text collate "C" not null,
  version bigint not null,
  id text collate "C" not null unique,
  type text collate "C" not null,
  schema_version int not null,
  -- 0, 1, 2, ... within its append: an append begins where it is 0. Without it a prefix of an append would pass for the whole.
  append_index int not null,
  -- Given by the client: taken from metadata here they would fail on text that holds an escaped NUL anywhere in it.
  correlation_id text collate "C" not null,
  causation_id text collate "C",
  recorded_at timestamptz not null,
  -- Bytes of data and metadata, so that a page can be closed before it is read.
  size int not null,
  data json not null,
  metadata json not null,
  unique (stream, version)
);
create index events_category on {schema}.events (split_part(stream, '-', 1), position);
create index events_type on {schema}.events (type, position);
create index events_correlation on {schema}.events (correlation_id, position);
create index events_causation on {schema}.events (causation_id, position) where causation_id is not null;

create function {schema}.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'events are never changed: % was refused', lower(tg_op) using errcode = 'restrict_violation';
end
$$;
create trigger events_never_change before update or delete or truncate on {schema}.events
  for each statement execute function {schema}.refuse_change();
alter table {schema}.events enable always trigger events_never_change;

create table {schema}.state (
  collection text collate "C",
  key text collate "C",
  value text not null,
  primary key (collection, key)
);
`;

const PLACES = `
-- The last position recorded at or before a time, 0 if none.
create function {schema}.last_position_by(moment timestamptz) returns bigint
language plpgsql stable set search_path = {schema}, pg_temp as $$
declare
  low bigint := 0;
  high bigint := coalesce((select max(position) from events), 0);
  middle bigint;
  found_position bigint;
  found_time timestamptz;
begin
  while low < high loop
    middle := (low + high + 1) / 2;
    select e.position, e.recorded_at into found_position, found_time
      from events e where e.position >= middle order by e.position limit 1;
    if found_time > moment then high := middle - 1; else low := found_position; end if;
  end loop;
  return low;
end
$$;

-- The last version of a stream at or before a position, 0 if none.
create function {schema}.last_version_by(name text, bound bigint) returns bigint
language plpgsql stable set search_path = {schema}, pg_temp as $$
declare
  low bigint := 0;
  high bigint;
  middle bigint;
  there bigint;
begin
  select e.version, e.position into high, there from events e where e.stream = name order by e.version desc limit 1;
  if not found then return 0; end if;
  if there <= bound then return high; end if;
  while low < high loop
    middle := (low + high + 1) / 2;
    select e.position into there from events e where e.stream = name and e.version = middle;
    if there > bound then high := middle - 1; else low := middle; end if;
  end loop;
  return low;
end
$$;
`;

const LEASES = `
-- Who may act under a name. A row is changed only when its owner changes, so that heartbeats disturb no transaction under
-- it; it is never deleted, so that tokens only rise. They are microseconds of the clock: a server that was promoted or
-- brought back has forgotten those it gave last, and must not give them again. No owner: released.
create table {schema}.leases (
  name text collate "C" primary key,
  owner text collate "C",
  token bigint not null
);
create table {schema}.lease_times (
  name text collate "C" primary key,
  ttl_ms bigint not null,
  expires_at timestamptz not null
);

-- As elsewhere: lock first, read in later statements.
create function {schema}.acquire_v1(lease_name text, new_owner text, ttl bigint)
returns table (given_token bigint, expires timestamptz)
language plpgsql set search_path = {schema}, pg_temp as $$
declare
  held leases;
begin${COMMIT_DURABLY}
  insert into leases (name, owner, token) values (lease_name, null, 0) on conflict do nothing;
  select * into held from leases where name = lease_name for update;
  select t.expires_at into expires from lease_times t where t.name = lease_name;
  if held.owner <> new_owner and expires > clock_timestamp() then
    return;
  end if;
  given_token := held.token;
  if held.owner is distinct from new_owner then
    update leases set owner = new_owner, token = greatest(token + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint)
      where name = lease_name returning token into given_token;
  end if;
  expires := clock_timestamp() + ttl * interval '1 millisecond';
  insert into lease_times (name, ttl_ms, expires_at) values (lease_name, ttl, expires)
    on conflict (name) do update set ttl_ms = excluded.ttl_ms, expires_at = excluded.expires_at;
  return next;
end
$$;

-- The lock on leases makes a renewal and a takeover take turns. Answers those that are still held.
create function {schema}.renew_v1(names text[], tokens bigint[], ttls bigint[])
returns table (lease_name text, expires timestamptz)
language sql set search_path = {schema}, pg_temp as $$
  with held as materialized (
    select l.name, g.ttl from leases l join unnest(names, tokens, ttls) g(name, token, ttl)
      on l.name = g.name and l.token = g.token
    where l.owner is not null order by l.name for share of l
  )
  update lease_times t set ttl_ms = held.ttl, expires_at = clock_timestamp() + held.ttl * interval '1 millisecond'
  from held where t.name = held.name returning t.name, t.expires_at
$$;

-- Before the work: a lease that is lost already is noticed, and nothing is locked, so that work that stalls holds up nobody.
create function {schema}.fence_before_v1(lease_name text, lease_token bigint) returns void
language plpgsql set search_path = {schema}, pg_temp as $$
begin
  perform from leases where name = lease_name and token = lease_token and owner is not null;
  if not found then raise exception '%', lease_name using errcode = 'BSFEN'; end if;
end
$$;

-- After the work, in the message that commits: nobody can take the lease over between this and the commit.
create function {schema}.fence_after_v1(lease_name text, lease_token bigint) returns void
language plpgsql set search_path = {schema}, pg_temp as $$
begin
  perform from leases where name = lease_name and token = lease_token and owner is not null for share;
  if not found then raise exception '%', lease_name using errcode = 'BSFEN'; end if;
end
$$;
`;
