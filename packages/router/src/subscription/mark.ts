import { deriveId, type RecordedEvent } from '@backstory/core';
import type { StateEntry } from '@backstory/core/state';
import { partitionName } from './key-partition.js';

/** Says that something was done once. */
export interface Mark {
  readonly at: string;
  readonly position: number;
  readonly key: string;
  /** It was made when its attempt was over, or in a replay: its event may have been left out before. */
  readonly isLate?: boolean;
}

/** What is done once: by which handler, for which event, which time. */
export interface Doing {
  readonly handler: string;
  readonly event: Pick<RecordedEvent, 'id' | 'position'>;
  readonly nth: number;
}

/** Where the mark of something that is done once in a partition is kept. */
export function markAt(number: number, { handler, event, nth }: Doing): string {
  return `${partitionName(number)}/${padded(event.position)}/${deriveId(event.id, handler, nth)}`;
}

/** A mark as it is stored. */
export function readMark({ key: at, value: key }: StateEntry): Mark {
  return { at, position: Number(at.split('/')[1]), key };
}

/** Those that say what was done in a replay begin with this; a mark as above follows. */
export function replayMarksOf(number: number, replay: string): string {
  return `${partitionName(number)}/${replay}/`;
}

function padded(position: number): string {
  return String(position).padStart(16, '0');
}
