import { categoryOf, idOf, type EventStore } from '@backstory/core';
import type { StreamsQuery } from '@backstory/core/store';
import distance from 'leven';
import { streams } from './log.js';

/**
 * Up to three streams whose names resemble one that does not exist, the most similar first. It looks at a bounded
 * number of names: those of the category, those that begin alike, and the first of the log.
 */
export async function nearStreams(store: EventStore, name: string): Promise<readonly string[]> {
  const category = categoryOf(name);
  const beginning = name.slice(0, Math.max(1, name.length - 2));
  const queries: StreamsQuery[] = [{ categories: [category] }, { after: beginning }, {}];
  const found = new Set<string>();
  for (const query of queries) {
    for await (const { stream } of streams(store, { ...query, limit: LOOKED_AT })) found.add(stream);
  }
  const far = Math.max(2, Math.floor(name.length / 3));
  return [...found]
    .map((stream) => ({ stream, distance: idOf(stream) === name ? 0 : distance(stream, name) }))
    .filter((it) => it.distance <= far)
    .sort((a, b) => a.distance - b.distance || (a.stream < b.stream ? -1 : 1))
    .slice(0, 3)
    .map(({ stream }) => stream);
}

const LOOKED_AT = 1_000;
