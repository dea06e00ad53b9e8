/** The upper half of the keys of all advisory locks taken here keeps clear of those that an application takes under small numbers. */
export const LOCK_CLASS = `x'42535459'`;

/** The key of the lock that appends to a log take. @param events an SQL expression: the name of its table of events */
export function appendLockKey(events: string): string {
  return `${LOCK_CLASS}::bigint << 32 | ${events}::regclass::oid::bigint`;
}

/** The key of the lock under which a schema is made and changed. */
export const SCHEMA_LOCK_KEY = `${LOCK_CLASS}::bigint << 32 | 1`;
