/**
 * A bound on time in a statement, in milliseconds: a text with the year 10000, as of JavaScript, would be no date to the server. Worked out
 * as `restore` does, so that both are the same also where they are not exact. Before all that the server can keep: `null`.
 *
 * @param parameter with its `$`
 */
export function timeBoundSql(parameter: string): string {
  return `coalesce(to_timestamp(0) + ${parameter}::bigint * interval '1 millisecond', '-infinity')`;
}

/** The value of that parameter. */
export function timeBound(time: number): number | null {
  return time < EARLIEST ? null : time;
}

/** 24 November 4714 BC. The latest is beyond what a Date can hold. */
const EARLIEST = -210_866_803_200_000;
