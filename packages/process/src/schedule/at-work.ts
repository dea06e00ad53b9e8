import { isOutcomeUnknown } from '@backstory/core/state';
import { firingId, type StoredSchedule } from './schedule.js';

/** Attempts that this process has begun and that have not ended, those included that ran out of time; by the ids of their schedules. */
export class AtWork {
  private readonly works = new Map<string, Set<Promise<unknown>>>();
  /** What was to be done and of which nobody knows whether it was recorded, with the token of the schedule. */
  private readonly unknown = new Map<string, string>();

  add(schedule: StoredSchedule, work: Promise<unknown>): void {
    const { id, token } = schedule;
    const works = this.works.get(id) ?? new Set();
    this.works.set(id, works.add(work));
    const end = () => {
      works.delete(work);
      if (works.size === 0) this.works.delete(id);
    };
    work.then(end, (error: unknown) => {
      if (isOutcomeUnknown(error)) this.unknown.set(firingId(schedule), token);
      end();
    });
  }

  has({ id }: StoredSchedule): boolean {
    return this.works.has(id);
  }

  /** Whether an attempt has ended of which nobody knows whether it was recorded. */
  isUnknown({ token }: StoredSchedule): boolean {
    return [...this.unknown.values()].includes(token);
  }

  /** That is written down, or of no account any more. */
  forget(schedule: StoredSchedule): void {
    this.unknown.delete(firingId(schedule));
  }

  /** Resolves when none under this id is at work. */
  async ended({ id }: StoredSchedule): Promise<void> {
    for (let works = this.works.get(id); works; works = this.works.get(id)) await Promise.allSettled(works);
  }
}
