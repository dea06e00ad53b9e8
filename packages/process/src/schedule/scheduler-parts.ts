import type { StateStore } from '@backstory/core';
import type { Observer } from '@backstory/core/observe';
import type { StoredSchedule } from './schedule.js';

/** What a scheduler works with. */
export interface SchedulerParts {
  readonly state: StateStore;
  readonly observer?: Observer;
  /** Dispatches a stored command, or records a stored event, under an id that is the same in every attempt. */
  readonly fire: (schedule: StoredSchedule, id: string, signal: AbortSignal) => Promise<unknown>;
  /** Refuses what `fire` could do nothing with. */
  readonly check: (schedule: StoredSchedule) => void;
}
