/** Changes that break how appends are recorded. Each takes the SQL that makes the store's schema, and gives it changed. */
const LOCK = `  perform pg_advisory_xact_lock(x'42535459'::bigint << 32 | 'events'::regclass::oid::bigint);\n`;
const READ_HEAD = `  select e.position, e.recorded_at into head, clock from events e order by e.position desc limit 1;\n`;
const NEXT = 'head := head + 1;';

export function withoutLock(sql: string): string {
  return swap(sql, LOCK, '');
}

/** The functions for new appends keep theirs. */
function withoutLockOfAppendV1(sql: string): string {
  const from = sql.search(/create function \S*append_v1\(/);
  const to = sql.indexOf('create function', from + 1);
  return sql.slice(0, from) + withoutLock(sql.slice(from, to)) + sql.slice(to);
}

/** A statement's snapshot is older than the lock that it waits for. */
export function lockInReadOfHead(sql: string): string {
  const locked = `  with lock as materialized (select pg_advisory_xact_lock(x'42535459'::bigint << 32 | 'events'::regclass::oid::bigint))
    select e.position, e.recorded_at into head, clock from lock left join (select * from events order by position desc limit 1) e on true;\n`;
  return swap(withoutLockOfAppendV1(sql), READ_HEAD, locked);
}

export function lockAfterReadOfHead(sql: string): string {
  return swap(withoutLockOfAppendV1(sql), READ_HEAD, READ_HEAD + LOCK);
}

/** Positions are then not given in the order of commits, and have gaps. The schema is the one on the search path. */
export function positionsFromSequence(sql: string): string {
  return `create sequence places;\n${swap(withoutLock(sql), NEXT, `head := nextval('places');`)}`;
}

/** The row is locked when a position is given, and by then everything was read. The schema is the one on the search path. */
export function positionsFromCounterRow(sql: string): string {
  const counted = swap(withoutLock(sql), NEXT, 'update places set n = n + 1 returning n into head;');
  return `create table places (n bigint); insert into places values (0);\n${counted}`;
}

/** Positions and versions that are given twice are then stored twice, rather than refused. */
export function withoutUniqueness(sql: string): string {
  const unkeyed = swap(sql, 'position bigint primary key', 'position bigint not null');
  const plain = swap(
    unkeyed,
    'metadata json not null,\n  unique (stream, version)',
    'metadata json not null',
  );
  return `${plain}\ncreate index on events (position); create index on events (stream, version);`;
}

/** `now()` is when the transaction began. */
export function timeOfTransaction(sql: string): string {
  return swap(sql, 'clock_timestamp()', 'now()');
}

/** @throws Error when there is nothing to change: the mutant is then no mutant */
export function swap(sql: string, from: string, to: string): string {
  if (!sql.includes(from))
    throw new Error(`The SQL has no "${from}" to change: keep this mutant in step with it.`);
  return sql.replaceAll(from, to);
}
