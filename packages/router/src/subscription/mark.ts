import { deriveId } from '@backstory/core';
import type { StateEntry } from '@backstory/core/state';
import type { OncePlace } from './delivery.js';
import { partitionName } from './key-partition.js';

/** Says that something was done once. */
export interface Mark {
  readonly at: string;
  readonly position: number;
  readonly key: string;
}

/** Where the mark of something that is done once is kept. */
export function markAt({ lane, handler, event, nth }: OncePlace): string {
  const { number } = lane.partition;
  return `${partitionName(number)}/${padded(event.position)}/${deriveId(event.id, handler, nth)}`;
}

/** A mark as it is stored. */
export function readMark({ key: at, value: key }: StateEntry): Mark {
  return { at, position: Number(at.split('/')[1]), key };
}

function padded(position: number): string {
  return String(position).padStart(16, '0');
}
