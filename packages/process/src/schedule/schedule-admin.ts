import { Context, type Recorder, type StateStore } from '@backstory/core';
import { ActionNotRecorded, wishOf, type AskedBy, type Wish } from '@backstory/core/administration';
import { messageOf } from '@backstory/core/state';
import { ScheduleNotFound, ScheduleNotTried, ScheduleUnderWay } from './errors.js';
import { ScheduleBook, type ScheduleQuery } from './schedule-book.js';
import { isInDoubt, shownSchedule, type Schedule, type StoredSchedule } from './schedule.js';

/** Where what is changed by hand is recorded. */
export const SCHEDULES_STREAM = '_schedules';

/** What a {@link ScheduleAdmin} works on. */
export interface ScheduleAdminParts {
  readonly state: StateStore;
  /** Records what was changed, and by whom. */
  readonly recorder: Recorder;
}

/**
 * Looks at schedules and changes them: from any process, also where none fires them. What was changed is recorded with its actor. Whoever
 * changes one while the log cannot be reached is told so with `ActionNotRecorded`: it is changed all the same.
 */
export class ScheduleAdmin {
  private readonly book: ScheduleBook;

  constructor(private readonly parts: ScheduleAdminParts) {
    this.book = new ScheduleBook(parts.state);
  }

  /** In the order of their ids; at most 1,000 unless `limit` says otherwise. */
  async list(query?: ScheduleQuery): Promise<readonly Schedule[]> {
    return (await this.book.list(query)).map(shownSchedule);
  }

  /** Gives what was cancelled; where that `isInDoubt`, an attempt of it may be at work still. @throws ScheduleNotFound, ScheduleUnderWay */
  async cancel(id: string, by?: AskedBy): Promise<Schedule> {
    const wish = wishOf(by);
    const { became, cancelled } = await this.book.cancel(id);
    if (became === 'firing') throw new ScheduleUnderWay(id);
    if (!cancelled) throw new ScheduleNotFound(id);
    return this.changed('schedule.cancelled', cancelled, wish);
  }

  /** Has a schedule that failed, or waits for another attempt, tried at once and with all its attempts. @throws ScheduleNotFound, ScheduleNotTried, ScheduleUnderWay */
  async retry(id: string, by?: AskedBy): Promise<Schedule> {
    const wish = wishOf(by);
    const found = await this.book.retry(id);
    if (!found) throw new ScheduleNotFound(id);
    const { schedule, isRetried } = found;
    if (schedule.state === 'firing') throw new ScheduleUnderWay(id);
    if (!isRetried) throw new ScheduleNotTried(id, new Date(schedule.due));
    return this.changed('schedule.retried', schedule, wish);
  }

  private async changed(
    change: string,
    schedule: StoredSchedule,
    { actor, reason }: Wish,
  ): Promise<Schedule> {
    const { id, kind, type, due } = schedule;
    const doubt = isInDoubt(schedule) ? { isInDoubt: true } : {};
    const why = reason === undefined ? {} : { reason };
    const data = { schedule: id, kind, type, due, ...doubt, ...why };
    const events = [{ type: change, data: JSON.stringify(data), metadata: { actor } }];
    const write = { stream: SCHEDULES_STREAM, expected: 'any', events } as const;
    try {
      await Context.none.run(() => this.parts.recorder.record([write], { system: true }));
    } catch (error) {
      const unrecorded = `not recorded on ${SCHEDULES_STREAM}: ${change}: ${messageOf(error)}`;
      throw new ActionNotRecorded(actor, change, data, unrecorded);
    }
    return shownSchedule(schedule);
  }
}
