import { readFormat } from '@backstory/core/store';
import type { StateStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import type { collectionsOf } from './collections.js';
import { partitionName } from './key-partition.js';
import { rowsOf } from './pages-of.js';

/** That events of one partition are to be handled again, and how far that is. */
export interface ReplayRequest {
  readonly id: string;
  readonly partition: number;
  /** Only this event. */
  readonly event?: string;
  /** Only events of this key. */
  readonly key?: string;
  /** Every event from here to `to` that was dealt with. */
  readonly from: number;
  readonly to: number;
  /** Also what is done `once` is done again. */
  readonly again: boolean;
  readonly actor: string;
  readonly at: string;
  readonly reason?: string;
  /** Events that were handled again so far, and those that failed. */
  readonly handled: number;
  readonly failed: number;
}

const FORMAT = 'backstory.replay-request/1';

/** Where it is stored. */
export function replayAt({ partition, id }: Pick<ReplayRequest, 'partition' | 'id'>): string {
  return `${partitionName(partition)}/${id}`;
}

export function writeReplay(request: ReplayRequest): string {
  return JSON.stringify({ format: FORMAT, ...request });
}

/** Leaves a request for the owner of each partition. */
export async function leaveReplays(
  state: StateStore,
  { replays }: ReturnType<typeof collectionsOf>,
  requests: readonly ReplayRequest[],
): Promise<void> {
  const rows = requests.map((it) => ({ key: replayAt(it), value: writeReplay(it) }));
  await state.transaction([], (tx) => tx.putMany(replays, rows));
}

/** The oldest requests of each partition first. */
export async function readReplays(
  view: StateView,
  { replays }: ReturnType<typeof collectionsOf>,
): Promise<readonly ReplayRequest[]> {
  return (await rowsOf(view, replays)).map(({ value }) => readFormat<ReplayRequest>(value, FORMAT));
}
