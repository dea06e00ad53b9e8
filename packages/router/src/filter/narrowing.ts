import type { LogQuery } from '@backstory/core';

/** Lists of names that a log can be asked for. */
export const NAMED = [
  'types',
  'categories',
  'streams',
  'ids',
  'correlationIds',
  'causationIds',
] as const satisfies readonly (keyof LogQuery)[];
export type Named = (typeof NAMED)[number];

/** A part of the log, as what an index can be asked: an absent name is not narrowed, an empty list has nothing in it. */
export interface Narrowing {
  readonly names: { readonly [Name in Named]?: ReadonlySet<string> };
  /** Recorded, in milliseconds; both inclusive. */
  readonly from: number;
  readonly upTo: number;
}

/** The whole log. */
export const everything: Narrowing = { names: {}, from: -Infinity, upTo: Infinity };

/** What lies within all parts. */
export function within(parts: readonly Narrowing[]): Narrowing {
  const names: { [Name in Named]?: ReadonlySet<string> } = {};
  for (const name of NAMED) {
    for (const { names: given } of parts) {
      const set = given[name];
      if (!set) continue;
      const before = names[name];
      names[name] = before ? new Set([...before].filter((it) => set.has(it))) : set;
    }
  }
  return {
    names,
    from: Math.max(...parts.map(({ from }) => from)),
    upTo: Math.min(...parts.map(({ upTo }) => upTo)),
  };
}

/** A part in which lies whatever lies within any of the parts. */
export function around(parts: readonly Narrowing[]): Narrowing {
  const filled = parts.filter((part) => !isEmpty(part));
  if (filled.length === 0) return { ...everything, names: { types: new Set() } };
  const names: { [Name in Named]?: ReadonlySet<string> } = {};
  for (const name of NAMED) {
    const sets = filled.map(({ names: given }) => given[name]);
    if (sets.every((set) => set !== undefined)) names[name] = new Set(sets.flatMap((set) => [...set]));
  }
  return {
    names,
    from: Math.min(...filled.map(({ from }) => from)),
    upTo: Math.max(...filled.map(({ upTo }) => upTo)),
  };
}

/** The query that reads this part, without what the store has no index for. */
export function queryOf(part: Narrowing, unindexed: readonly (keyof LogQuery)[]): LogQuery {
  if (isEmpty(part)) return { types: [] };
  const names = NAMED.flatMap((name) => {
    const set = part.names[name];
    return set && !unindexed.includes(name) ? [[name, [...set]] as const] : [];
  });
  const isAsked = (name: 'recordedFrom' | 'recordedUpTo', at: number) =>
    Number.isFinite(at) && !unindexed.includes(name);
  return {
    ...(Object.fromEntries(names) as Pick<LogQuery, Named>),
    ...(isAsked('recordedFrom', part.from) && { recordedFrom: new Date(part.from) }),
    ...(isAsked('recordedUpTo', part.upTo) && { recordedUpTo: new Date(part.upTo) }),
  };
}

function isEmpty({ names, from, upTo }: Narrowing): boolean {
  return from > upTo || NAMED.some((name) => names[name]?.size === 0);
}
