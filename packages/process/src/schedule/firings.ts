import { Context, StoreUnavailable, newId } from '@backstory/core';
import { errorType, type Observer } from '@backstory/core/observe';
import { inTime, isOutcomeUnknown, someCause, type Fence } from '@backstory/core/state';
import { CommandsClosed } from '../command/errors.js';
import { AtWork } from './at-work.js';
import { errorText } from './error-text.js';
import { FiringLost, FiringTimedOut } from './errors.js';
import { SCHEDULES_LEASE, type ScheduleBook } from './schedule-book.js';
import { LOST, firingId, nextTime, withDoubt, type StoredSchedule } from './schedule.js';
import { LONGEST_DELAY_MS, type SchedulerOptions } from './scheduler-options.js';
import type { SchedulerParts } from './scheduler-parts.js';
import { Unsettled } from './unsettled.js';

/** What firings work with. */
export interface FiringsParts {
  readonly book: ScheduleBook;
  readonly fire: SchedulerParts['fire'];
  readonly observer: Observer;
  readonly options: Required<Pick<SchedulerOptions, 'attempts' | 'delayMs' | 'timeoutMs'>>;
  /** By which everything is due. */
  readonly time: () => Promise<number>;
  /** For how long something takes in this process. */
  readonly ownTime: () => number;
  /** One has ended. */
  readonly ended: () => void;
}

/** Carries out schedules that were taken, and writes down what becomes of them. */
export class Firings {
  private readonly running = new Map<string, Promise<void>>();
  private readonly handling = new Set<Promise<void>>();
  private readonly unsettled = new Unsettled();
  private readonly atWork = new AtWork();
  /** By which this process knows what it said of a schedule. */
  private readonly firer = newId();

  constructor(private readonly parts: FiringsParts) {}

  /** How many are under way. */
  get size(): number {
    return this.running.size;
  }

  /** What is not to be taken now: it is under way, or rests. */
  get taken(): ReadonlySet<string> {
    return new Set([...this.running.keys(), ...this.unsettled.at(this.parts.ownTime()).keys()]);
  }

  /** What kept this process from writing down what became of one. */
  get reason(): string | undefined {
    const [unsettled] = this.unsettled.at(this.parts.ownTime()).values();
    return unsettled?.reason;
  }

  /** Whether this process fired it, and could not write down how that went. */
  isUnsettled(id: string): boolean {
    return this.unsettled.has(id);
  }

  /** Resolves when those are done that are under way now. */
  async idle(): Promise<void> {
    await Promise.all(this.running.values());
  }

  /** Resolves when handlers have ended, or their time is over: then only the state store is waited for. */
  async carriedOut(): Promise<void> {
    while (this.handling.size > 0) await Promise.allSettled(this.handling);
  }

  begin(schedule: StoredSchedule, fence: Fence): void {
    const { ownTime, options, ended } = this.parts;
    const firing = this.fireOne(schedule, fence)
      // Another process has taken over, or this one fires it again: what was done has an id, and is not done again.
      .then(
        () => this.unsettled.settled(schedule.id),
        (error: unknown) => this.unsettled.add(schedule.id, error, ownTime() + options.delayMs),
      )
      .finally(() => {
        this.running.delete(schedule.id);
        ended();
      });
    this.running.set(schedule.id, firing);
  }

  private async fireOne(schedule: StoredSchedule, fence: Fence): Promise<void> {
    // Also where it ends every process that carries it out.
    if (schedule.attempts >= this.parts.options.attempts)
      return this.giveUp(schedule, fence, errorType(new FiringLost(schedule.id)));
    const id = firingId(schedule);
    const handling = Context.of(schedule.context).run(() => this.fire(schedule, id));
    this.handling.add(handling);
    try {
      await handling.finally(() => this.handling.delete(handling));
    } catch (error) {
      return this.failed(schedule, fence, error);
    }
    await this.parts.book.done(fence, schedule, await this.nextOf(schedule));
    this.atWork.forget(schedule);
  }

  /** What takes too long is told so, and goes on. */
  private async fire(schedule: StoredSchedule, id: string): Promise<void> {
    const { timeoutMs } = this.parts.options;
    const over = new AbortController();
    const work = (async () => this.parts.fire(schedule, id, over.signal))();
    this.atWork.add(schedule, work);
    if ((await inTime<unknown>(timeoutMs, work, { instead: LATE })) !== LATE) return;
    const error = new FiringTimedOut(schedule.id, timeoutMs);
    over.abort(error);
    throw error;
  }

  private async failed(schedule: StoredSchedule, fence: Fence, error: unknown): Promise<void> {
    const text = errorText(error);
    const attempts = schedule.attempts + (isOutage(error) ? 0 : 1);
    if (attempts >= this.parts.options.attempts)
      return this.giveUp({ ...schedule, attempts, error: text }, fence, errorType(error));
    const delayMs = Math.min(LONGEST_DELAY_MS, this.parts.options.delayMs * 2 ** Math.max(0, attempts - 1));
    const tryAt = new Date((await this.parts.time()) + delayMs).toISOString();
    await this.leave(fence, schedule, { ...schedule, state: 'waiting', attempts, error: text, tryAt });
    this.parts.observer.retry(() => ({ ...about(schedule), attempt: attempts, delayMs }));
  }

  /** What is to happen again and again goes on with the next time. */
  private async giveUp(schedule: StoredSchedule, fence: Fence, errorType: string): Promise<void> {
    const { id: key, error } = schedule;
    const next = await this.nextOf(schedule);
    const left = next ? { ...next, error: error! } : { ...schedule, state: 'failed' as const };
    await this.leave(fence, schedule, left);
    const what = { key, reason: 'attempts', error, errorType, state: 'dead', was: undefined } as const;
    this.parts.observer.park(() => ({ ...about(schedule), ...what }));
  }

  /** Where an attempt goes on whose time is over, that is written down for as long as it does. */
  private async leave(fence: Fence, schedule: StoredSchedule, left: StoredSchedule): Promise<void> {
    const { book } = this.parts;
    const { inDoubt: before } = schedule;
    const { firer } = this;
    const inDoubt = before === undefined || before === firer ? this.doubtOf(schedule) : before;
    // Where this time is given up, the next one is another.
    const isEarlier = schedule.isDoubtEarlier === true || left.due !== schedule.due;
    await book.settle(fence, schedule, withDoubt(left, inDoubt, isEarlier));
    if (inDoubt !== firer) return this.atWork.forget(schedule);
    // Where that cannot be written down it stays in doubt, until it is carried out.
    const ended = this.atWork.ended(schedule).then(async () => {
      await book.ended(schedule, { firer, inDoubt: this.doubtOf(schedule) });
      this.atWork.forget(schedule);
    });
    ended.catch(() => undefined);
  }

  private doubtOf(schedule: StoredSchedule): string | undefined {
    if (this.atWork.isUnknown(schedule)) return LOST;
    return this.atWork.has(schedule) ? this.firer : undefined;
  }

  private async nextOf(schedule: StoredSchedule): Promise<StoredSchedule | undefined> {
    return schedule.every === undefined ? undefined : nextTime(schedule, await this.parts.time());
  }
}

const LATE = Symbol('late');

/** What carries out whatever is due, as observers are told: no id, for those would be without number. */
const FIRE = 'fire';

/** What is tried, as observers are told, and the flow that it was scheduled in. */
function about({ id: eventId, type: eventType, context: { correlationId, causationId } }: StoredSchedule) {
  const cause = causationId === undefined ? {} : { causationId };
  const flow = correlationId === undefined ? {} : { flow: { correlationId, ...cause } };
  return { subscription: SCHEDULES_LEASE, handler: FIRE, eventId, eventType, ...flow };
}

/** That the store is away, or this process is ending, says nothing about the command. */
function isOutage(error: unknown): boolean {
  const isAway = (it: object) => it instanceof StoreUnavailable || it instanceof CommandsClosed;
  return isOutcomeUnknown(error) || someCause(error, isAway);
}
