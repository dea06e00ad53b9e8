import type { StateStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import { placesOf } from './places.js';

/** Which generation is fed while one works, and what ends waiting for it. */
export interface Fed {
  readonly generation?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Who feeds which generations of a projection now: one start of one process each. */
export async function feedersOf(state: StateStore, name: string): Promise<ReadonlyMap<number, string>> {
  const { leases: prefix } = placesOf(name);
  const leases = await state.leases(prefix);
  if (leases.length === 0) return new Map();
  const now = await state.read(clockOf);
  const held = leases.filter(({ expiresAt }) => expiresAt.getTime() > now);
  return new Map(held.map((lease) => [Number(lease.name.slice(prefix.length)), lease.owner]));
}

/**
 * Milliseconds by the clock of the state store, by which leases run out: that of its database, or of the machine where the store
 * is on it. The clocks of processes differ.
 */
export async function clockOf({ sql }: StateView): Promise<number> {
  if (sql?.dialect !== 'postgres') return Date.now();
  const text = 'select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as "now"';
  const [row] = await sql.run({ texts: [text], values: [] });
  return Number(row!['now']);
}
