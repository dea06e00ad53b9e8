import { AppendOutcomeUnknown, Context, StoreUnavailable, deriveId, type StateStore } from '@backstory/core';
import { errorType, guarded, type Observer } from '@backstory/core/observe';
import { FenceLost, LeaseHolder, type Fence } from '@backstory/core/state';
import { Mutex, outside } from '@backstory/core/store';
import { LONGEST_DELAY_MS, checkedOptions, type SchedulerOptions } from './scheduler-options.js';
import { CommandsClosed } from '../command/errors.js';
import { inTime } from './in-time.js';
import { ScheduleBook, type Cancelled, type ScheduleQuery } from './schedule-book.js';
import { scheduleOf, type ScheduleOptions } from './schedule-request.js';
import { nextTime, shownSchedule, type Schedule, type StoredSchedule } from './schedule.js';

/** What a scheduler works with. */
export interface SchedulerParts {
  readonly state: StateStore;
  readonly observer?: Observer;
  /** Dispatches a stored command, or records a stored event, under an id that is the same in every attempt. */
  readonly fire: (schedule: StoredSchedule, id: string, signal: AbortSignal) => Promise<unknown>;
  /** Refuses what `fire` could do nothing with. */
  readonly check: (schedule: StoredSchedule) => void;
}

/** How the schedules of an application are doing in this process. */
export interface SchedulerStatus {
  /** `idle`: nothing is due soon. `leading`: this process fires what is due. `standing-by`: another does. */
  readonly state: 'stopped' | 'idle' | 'standing-by' | 'leading' | 'paused';
  /** Why it is paused. */
  readonly reason: string | undefined;
  readonly underWay: number;
}

/**
 * Keeps commands and events for later, and fires them when they are due by the state store's clock. Of several processes one
 * fires, under a lease; when it is gone another goes on. What it does has an id that follows from the schedule and its time, so a
 * schedule that is fired twice — by a process that died in between, or was thought dead — is recorded once.
 */
export class Scheduler {
  private readonly book: ScheduleBook;
  private readonly holder: LeaseHolder;
  private readonly observer: Observer;
  private readonly options: Required<Omit<SchedulerOptions, 'clock'>>;
  private readonly clock: (() => number) | undefined;
  private readonly underWay = new Map<string, Promise<void>>();
  private readonly rounds = new Mutex();
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private isHeard = false;
  private present: Pick<SchedulerStatus, 'state' | 'reason'> = { state: 'stopped', reason: undefined };
  /** How far the state store's clock is ahead of this process's. */
  private aheadMs: number | undefined;
  private wake = () => {};

  /** @throws InvalidOption */
  constructor(
    private readonly parts: SchedulerParts,
    options: SchedulerOptions = {},
  ) {
    this.options = checkedOptions(options);
    this.clock = options.clock;
    this.book = new ScheduleBook(parts.state);
    this.observer = guarded(parts.observer);
    const { observer } = parts;
    this.holder = new LeaseHolder(parts.state, {
      ttlMs: this.options.leaseMs,
      ...(observer && { observer }),
    });
  }

  get status(): SchedulerStatus {
    return { ...this.present, underWay: this.underWay.size };
  }

  /**
   * Keeps a command, or with `stream` an event, for later. With an `id` that is taken it takes that schedule's place; called again by the same
   * run of a handler or command it changes nothing.
   *
   * @throws InvalidSchedule, InvalidOption, InvalidData, UnstorableValue, NoCommandHandler, UnknownEventType
   */
  async schedule(message: object, options: ScheduleOptions): Promise<Schedule> {
    const schedule = await scheduleOf(message, options, this.now());
    this.parts.check(schedule);
    const kept = await this.book.enter(schedule);
    this.wake();
    return shownSchedule(kept);
  }

  /** @returns `firing` when it is too late */
  cancel(id: string): Promise<Cancelled> {
    return this.book.cancel(id);
  }

  async find(id: string): Promise<Schedule | undefined> {
    const found = await this.book.find(id);
    return found && shownSchedule(found);
  }

  /** In the order of their ids; at most 1,000 unless `limit` says otherwise. */
  async list(query?: ScheduleQuery): Promise<readonly Schedule[]> {
    return (await this.book.list(query)).map(shownSchedule);
  }

  /** Tries a schedule that failed, or waits for another attempt, at once. `undefined`: there is none. */
  async retry(id: string): Promise<Schedule | undefined> {
    const found = await this.book.retry(id);
    this.wake();
    return found && shownSchedule(found);
  }

  /** Begins to fire what is due, until `close`. */
  start(): void {
    this.running ??= outside(() => this.run());
  }

  /** Fires what is due now, waits for it, and says how much it was. 0 also where another process does it. For tests and scripts. */
  async fireDue(): Promise<number> {
    let fired = 0;
    for (;;) {
      const { claimed } = await outside(() => this.round());
      await Promise.all(this.underWay.values());
      if (claimed === 0) return fired;
      fired += claimed;
    }
  }

  /** Takes no more that is due, waits for what is under way, and lets another process take over. */
  async close(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.running;
    await Promise.all(this.underWay.values());
    await this.holder.close();
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const { pollMs } = this.options;
      let waitMs = pollMs;
      // Also for what comes while the round is under way.
      const woken = new Promise<void>((resolve) => (this.wake = resolve));
      try {
        const { next, state } = await this.round();
        if (next !== undefined) waitMs = Math.min(pollMs, Math.max(0, next - this.now()));
        if (this.present.state === 'paused') this.tell('resumed', undefined);
        // Who has nothing scheduled hears nothing of it.
        if (state === 'leading' && !this.isHeard) this.tell('started', undefined);
        this.present = { state, reason: undefined };
      } catch (error) {
        // Nobody would hear of it if this ended: it goes on, and says what is wrong.
        const reason = error instanceof Error ? error.message : String(error);
        if (this.present.state !== 'paused') this.tell('paused', reason);
        this.present = { state: 'paused', reason };
      }
      await this.pause(waitMs, woken);
    }
    this.present = { state: 'stopped', reason: undefined };
    if (this.isHeard) this.tell('stopped', undefined);
  }

  /** Takes as much of what is due as there is room for. */
  private round(): Promise<Round> {
    return this.rounds.run(async () => {
      const soon = await this.book.next();
      if (this.isIdleUntil(soon)) return this.rest(soon);
      const lease = await this.holder.acquire(LEASE);
      const now = lease && (await this.storeTime());
      if (!lease || now === undefined) return { state: 'standing-by', claimed: 0, next: undefined };
      const underWay = new Set(this.underWay.keys());
      const limit = this.options.concurrency - underWay.size;
      if (limit <= 0) return { state: 'leading', claimed: 0, next: undefined };
      const { claimed, next } = await this.book.claim(lease, { now, limit, underWay });
      for (const schedule of claimed) this.begin(schedule, lease);
      return { state: 'leading', claimed: claimed.length, next };
    });
  }

  /** Nothing to lead for: asking the store for a lease is a write, and looking is not. */
  private isIdleUntil(soon: number | undefined): boolean {
    const isClockKnown = this.clock !== undefined || this.aheadMs !== undefined;
    return soon === undefined || (isClockKnown && soon > this.now() + SOON_MS);
  }

  private async rest(next: number | undefined): Promise<Round> {
    const held = this.holder.held.find(({ name }) => name === LEASE);
    if (held && this.underWay.size === 0) await this.holder.release(held);
    return { state: 'idle', claimed: 0, next };
  }

  /** The state store's clock, by which a lease is prolonged. `undefined`: it is somebody else's. */
  private async storeTime(): Promise<number | undefined> {
    if (this.clock) return this.clock();
    const { owner, ttlMs } = this.holder;
    const lease = await this.parts.state.acquire(LEASE, { owner, ttlMs });
    if (!lease) return undefined;
    const now = lease.expiresAt.getTime() - ttlMs;
    this.aheadMs = now - Date.now();
    return now;
  }

  private begin(schedule: StoredSchedule, fence: Fence): void {
    const firing = this.fireOne(schedule, fence)
      // Another process has taken over, or will find it: what was done has an id, and is not done again.
      .catch(() => undefined)
      .finally(() => {
        this.underWay.delete(schedule.id);
        this.wake();
      });
    this.underWay.set(schedule.id, firing);
  }

  private async fireOne(schedule: StoredSchedule, fence: Fence): Promise<void> {
    const id = deriveId('schedule', schedule.token, schedule.due);
    const context = Context.of(schedule.context);
    try {
      await context.run(() =>
        inTime(schedule.id, this.options.timeoutMs, (signal) => this.parts.fire(schedule, id, signal)),
      );
    } catch (error) {
      return this.failed(schedule, fence, error);
    }
    await this.book.settle(fence, schedule, nextTime(schedule, this.now()));
  }

  private async failed(schedule: StoredSchedule, fence: Fence, error: unknown): Promise<void> {
    if (error instanceof FenceLost) throw error;
    const text = error instanceof Error ? error.message : String(error);
    const isOutage = OUTAGES.some((it) => error instanceof it);
    const attempts = schedule.attempts + (isOutage ? 0 : 1);
    if (attempts >= this.options.attempts)
      return this.giveUp({ ...schedule, attempts, error: text }, fence, errorType(error));
    const delayMs = Math.min(LONGEST_DELAY_MS, this.options.delayMs * 2 ** Math.max(0, attempts - 1));
    const tryAt = new Date(this.now() + delayMs).toISOString();
    await this.book.settle(fence, schedule, { ...schedule, state: 'waiting', attempts, error: text, tryAt });
    const { id: eventId, type: eventType } = schedule;
    this.observer.retry(() => ({
      subscription: LEASE,
      handler: FIRE,
      eventId,
      eventType,
      attempt: attempts,
      delayMs,
    }));
  }

  /** What is to happen again and again goes on with the next time. */
  private async giveUp(schedule: StoredSchedule, fence: Fence, errorType: string): Promise<void> {
    const { id: key, type: eventType, error } = schedule;
    const next = nextTime(schedule, this.now());
    await this.book.settle(
      fence,
      schedule,
      next ? { ...next, error: error! } : { ...schedule, state: 'failed' },
    );
    const what = { subscription: LEASE, handler: FIRE, key, eventId: key, eventType, reason: 'attempts' };
    this.observer.park(() => ({ ...what, error, errorType, state: 'dead', was: undefined }));
  }

  private now(): number {
    return this.clock?.() ?? Date.now() + (this.aheadMs ?? 0);
  }

  private async pause(ms: number, woken: Promise<void>): Promise<void> {
    if (this.stopping.signal.aborted) return;
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
    await Promise.race([woken, over]);
    clearTimeout(timer);
  }

  private tell(change: Change, reason: string | undefined): void {
    this.isHeard = true;
    this.observer.consumer(() => ({ consumer: LEASE, change, reason }));
  }
}

/** What carries out whatever is due, as observers are told: no id, for those would be without number. */
const FIRE = 'fire';

interface Round {
  readonly state: 'idle' | 'leading' | 'standing-by';
  readonly claimed: number;
  /** When something is due next; `undefined`: not known. */
  readonly next: number | undefined;
}

type Change = 'started' | 'stopped' | 'paused' | 'resumed';

/** That the store is away, or this process is ending, says nothing about the command. */
const OUTAGES = [StoreUnavailable, AppendOutcomeUnknown, CommandsClosed];

/** The lease of the process that fires, and what it is called in observations. */
const LEASE = 'schedules';
/** Who leads is settled before something is due. */
const SOON_MS = 60_000;
