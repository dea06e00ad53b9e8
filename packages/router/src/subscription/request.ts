import { newId, type StateStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import { readFormat } from '@backstory/core/store';
import type { collectionsOf } from './collections.js';
import { partitionName } from './key-partition.js';
import { rowsOf } from './pages-of.js';

/**
 * What somebody asks the owner of a parked key to do with it.
 *
 * | action | |
 * |---|---|
 * | `retry` | try the event again, now and with all its attempts |
 * | `skip` | leave the event out and go on with what waits behind it |
 * | `edit` | handle the event with other data, which are not recorded; then go on |
 * | `discard` | leave out the event and everything that waits behind it so far |
 */
export interface ParkedRequest {
  readonly action: 'retry' | 'skip' | 'edit' | 'discard';
  /** Without it: every dead key of the partition. */
  readonly key?: string;
  /** Where the key stood when it was asked for. Absent for every dead key. */
  readonly position?: number;
  /** JSON, for `edit`. */
  readonly data?: string;
  readonly actor: string;
  readonly at: string;
  readonly reason?: string;
}

const FORMAT = 'backstory.parked-request/1';

/** A key is not any more where it was when something was asked for it. To try again whatever it stands at harms nobody. */
export function isVoid({ action, key, position }: ParkedRequest, cursor: number | undefined): boolean {
  if (key === undefined) return false;
  return cursor === undefined || (action !== 'retry' && position !== undefined && position !== cursor);
}

/** Leaves a request for each of these partitions' owners. */
export async function leaveRequests(
  state: StateStore,
  { requests }: ReturnType<typeof collectionsOf>,
  { partitions, request }: { readonly partitions: readonly number[]; readonly request: ParkedRequest },
): Promise<void> {
  const value = JSON.stringify({ format: FORMAT, ...request });
  const rows = partitions.map((partition) => ({ key: `${partitionName(partition)}/${newId()}`, value }));
  await state.transaction([], (tx) => tx.putMany(requests, rows));
}

/** The requests of each partition in the order in which they were left, each with the partition whose owner is asked. */
export async function readRequests(
  view: StateView,
  { requests }: ReturnType<typeof collectionsOf>,
): Promise<readonly { readonly at: string; readonly partition: number; readonly request: ParkedRequest }[]> {
  const rows = await rowsOf(view, requests);
  return rows.map(({ key: at, value }) => ({
    at,
    partition: Number(at.slice(0, 2)),
    request: readFormat<ParkedRequest>(value, FORMAT),
  }));
}
