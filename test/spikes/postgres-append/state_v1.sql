create table state (
  collection text collate "C",
  key text collate "C",
  value text not null,
  primary key (collection, key)
);

-- Who may act under a name. A row is changed only when its owner changes, so that heartbeats disturb no transaction under
-- it; it is never deleted, so that tokens only rise. No owner: released.
create table leases (
  name text collate "C" primary key,
  owner text collate "C",
  token bigint not null
);
create table lease_times (
  name text collate "C" primary key,
  ttl_ms bigint not null,
  expires_at timestamptz not null
);

-- As elsewhere: lock first, read in later statements.
create function acquire_v1(lease_name text, new_owner text, ttl bigint) returns table (given_token bigint, expires timestamptz)
language plpgsql set search_path from current as $$
declare
  held leases;
begin
  insert into leases (name, owner, token) values (lease_name, null, 0) on conflict do nothing;
  select * into held from leases where name = lease_name for update;
  select t.expires_at into expires from lease_times t where t.name = lease_name;
  if held.owner <> new_owner and expires > clock_timestamp() then
    return;
  end if;
  given_token := held.token;
  if held.owner is distinct from new_owner then
    update leases set owner = new_owner, token = token + 1 where name = lease_name returning token into given_token;
  end if;
  expires := clock_timestamp() + ttl * interval '1 millisecond';
  insert into lease_times (name, ttl_ms, expires_at) values (lease_name, ttl, expires)
    on conflict (name) do update set ttl_ms = excluded.ttl_ms, expires_at = excluded.expires_at;
  return next;
end
$$;

-- The lock on `leases` makes a renewal and a takeover take turns. Answers the names that are still held.
create function renew_v1(names text[], tokens bigint[]) returns setof text
language sql set search_path from current as $$
  with held as materialized (
    select l.name from leases l join unnest(names, tokens) g(name, token) on l.name = g.name and l.token = g.token
    where l.owner is not null order by l.name for share of l
  )
  update lease_times t set expires_at = clock_timestamp() + t.ttl_ms * interval '1 millisecond'
  from held where t.name = held.name returning t.name
$$;

-- Before the work: a lease that is lost already is noticed, and nothing is locked, so that work that stalls holds up nobody.
create function fence_before_v1(lease_name text, lease_token bigint) returns void
language plpgsql set search_path from current as $$
begin
  perform from leases where name = lease_name and token = lease_token and owner is not null;
  if not found then raise exception 'fence lost' using errcode = 'BSFEN'; end if;
end
$$;

-- After the work, in the message that commits: nobody can take the lease over between this and the commit.
create function fence_after_v1(lease_name text, lease_token bigint) returns void
language plpgsql set search_path from current as $$
begin
  perform from leases where name = lease_name and token = lease_token and owner is not null for share;
  if not found then raise exception 'fence lost' using errcode = 'BSFEN'; end if;
end
$$;
