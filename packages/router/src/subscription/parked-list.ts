import type { StateStore } from '@backstory/core';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import { collectionsOf } from './collections.js';
import { partitionOf } from './key-partition.js';
import { requireKey, requireListed } from './list-query.js';
import { parkedAt, readParked, type ParkedKey } from './parked-key.js';

/** Which parked keys to list. */
export interface ParkedQuery {
  readonly states?: readonly ParkedKey['state'][];
  /** Keys that follow this one in the order in which they are listed. */
  readonly after?: ParkedKey;
  /** Default 1,000. */
  readonly limit?: number;
}

/** @throws InvalidOption */
export function checkedParkedQuery(given: ParkedQuery): ParkedQuery {
  const query = knownOptions(given, NAMES);
  requireListed(query, STATES);
  if (query.after !== undefined) requireKey('after.key', (query.after as ParkedKey | null)?.key);
  return query;
}

/** Parked keys of a subscription, by partition and then by key. */
export async function listParked(
  state: StateStore,
  name: string,
  { states, after, limit = 1_000 }: ParkedQuery,
): Promise<readonly ParkedKey[]> {
  const found: ParkedKey[] = [];
  let from = after ? parkedAt(partitionOf(after.key), after.key) : '';
  while (found.length < limit) {
    const rows = await state.read((view) =>
      view.list(collectionsOf(name).parked, { after: from, limit: PAGE }),
    );
    const parked = rows.map(({ value }) => readParked(value));
    found.push(...parked.filter((it) => !states || states.includes(it.state)));
    if (rows.length < PAGE) break;
    from = rows.at(-1)!.key;
  }
  return found.slice(0, limit);
}

const NAMES: OptionNames<ParkedQuery> = { states: true, after: true, limit: true };
const STATES: readonly ParkedKey['state'][] = ['retrying', 'dead', 'draining'];
const PAGE = 1_000;
