import { guarded, type Observer } from '@backstory/core/observe';
import { FenceLost, LeaseHolder, inTime } from '@backstory/core/state';
import { Mutex, outside } from '@backstory/core/store';
import { errorText } from './error-text.js';
import { Firings } from './firings.js';
import { SCHEDULES_LEASE, ScheduleBook, type Cancelled, type ScheduleQuery } from './schedule-book.js';
import { derivedToken, scheduleOf, type ScheduleOptions } from './schedule-request.js';
import { shownSchedule, type Schedule } from './schedule.js';
import { checkedOptions, type SchedulerOptions } from './scheduler-options.js';
import type { SchedulerParts } from './scheduler-parts.js';

/** How the schedules of an application are doing in this process. */
export interface SchedulerStatus {
  /** `idle`: nothing is due soon. `leading`: this process fires what is due. `standing-by`: another does. */
  readonly state: 'stopped' | 'idle' | 'standing-by' | 'leading' | 'paused';
  /** Why it is paused, or what kept it from writing down what became of a schedule: it fires that again, after `delayMs`. */
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
  private readonly firings: Firings;
  private readonly rounds = new Mutex();
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private isHeard = false;
  private present: Pick<SchedulerStatus, 'state' | 'reason'> = { state: 'stopped', reason: undefined };
  private wake = () => {};
  private closing: Promise<void> | undefined;

  /** @throws InvalidOption */
  constructor(
    private readonly parts: SchedulerParts,
    options: SchedulerOptions = {},
  ) {
    this.options = checkedOptions(options);
    this.clock = options.clock;
    this.book = new ScheduleBook(parts.state);
    this.observer = guarded(parts.observer);
    const { observer, fire } = parts;
    this.firings = new Firings({
      ...{ book: this.book, fire, observer: this.observer, options: this.options },
      time: () => this.time(),
      ownTime: () => this.clock?.() ?? performance.now(),
      ended: () => this.wake(),
    });
    const ttlMs = this.options.leaseMs;
    this.holder = new LeaseHolder(parts.state, { ttlMs, ...(observer && { observer }) });
  }

  get status(): SchedulerStatus {
    const reason = this.present.reason ?? this.firings.reason;
    return { ...this.present, reason, underWay: this.firings.size };
  }

  /**
   * Keeps a command, or with `stream` an event, for later. With an `id` that is taken it takes that schedule's place; called again by a
   * handler or command that runs again it changes nothing, for 30 days.
   *
   * @throws InvalidSchedule, InvalidOption, InvalidData, UnstorableValue, NoCommandHandler, UnknownEventType
   */
  async schedule(message: object, options: ScheduleOptions): Promise<Schedule> {
    const now = await this.time();
    const schedule = await scheduleOf(message, options, now);
    this.parts.check(schedule);
    const kept = await this.book.enter(schedule, now);
    this.wake();
    return kept ? shownSchedule(kept) : { ...shownSchedule(schedule), state: 'done' };
  }

  /**
   * @returns `firing` when it is too late, and `in-doubt` when it is cancelled, but an attempt of it may be at work still. A handler or command
   * that runs again is told what it was told before.
   */
  async cancel(id: string): Promise<Cancelled> {
    const token = await derivedToken(`cancel:${id}`);
    const asking = token === undefined ? undefined : { token, now: await this.time() };
    return (await this.book.cancel(id, asking)).became;
  }

  async find(id: string): Promise<Schedule | undefined> {
    const found = await this.book.find(id);
    return found && shownSchedule(found);
  }

  /** In the order of their ids; at most 1,000 unless `limit` says otherwise. */
  async list(query?: ScheduleQuery): Promise<readonly Schedule[]> {
    return (await this.book.list(query)).map(shownSchedule);
  }

  /** Tries a schedule that failed, or waits for another attempt, at once; another stays as it is. `undefined`: there is none. */
  async retry(id: string): Promise<Schedule | undefined> {
    const found = await this.book.retry(id);
    this.wake();
    return found && shownSchedule(found.schedule);
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
      await this.firings.idle();
      if (claimed === 0) return fired;
      fired += claimed;
    }
  }

  /**
   * Takes no more that is due, waits for what is under way, and lets another process take over. A state store that gives no answer holds it up for 25
   * seconds at most: what became of what was under way is not written down then, so that it is fired again. Observers are told so.
   */
  close(): Promise<void> {
    return (this.closing ??= this.finish());
  }

  private async finish(): Promise<void> {
    this.stopping.abort();
    this.wake();
    const late = { instead: [NO_ANSWER] };
    const looked = await inTime(LONGEST_ANSWER_MS, this.ended(this.running), late);
    await this.firings.carriedOut();
    const written = await inTime(LONGEST_ANSWER_MS, this.ended(this.firings.idle()), late);
    const held = await this.holder.close();
    this.present = { state: 'stopped', reason: undefined };
    const reasons = new Set([...looked, ...written, ...(held === undefined ? [] : [held])]);
    if (this.isHeard) this.tell('stopped', reasons.size === 0 ? undefined : [...reasons].join('; '));
  }

  private async ended(work: Promise<void> | undefined): Promise<string[]> {
    await work;
    return [];
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const { pollMs } = this.options;
      let waitMs = pollMs;
      // Also for what comes while the round is under way.
      const woken = new Promise<void>((resolve) => (this.wake = resolve));
      try {
        const { state, soonMs = pollMs } = await this.round();
        waitMs = Math.min(pollMs, Math.max(0, soonMs));
        if (this.present.state === 'paused') this.tell('resumed', undefined);
        // Who has nothing scheduled hears nothing of it.
        if (state === 'leading' && !this.isHeard) this.tell('started', undefined);
        this.present = { state, reason: undefined };
      } catch (error) {
        // Nobody would hear of it if this ended: it goes on, and says what is wrong.
        const reason = errorText(error);
        if (this.present.state !== 'paused') this.tell('paused', reason);
        this.present = { state: 'paused', reason };
      }
      await this.pause(waitMs, woken);
    }
  }

  /** Takes as much of what is due as there is room for. */
  private round(): Promise<Round> {
    return this.rounds.run(async () => {
      const soon = await this.book.next();
      if (soon === undefined) return this.rest(undefined);
      const now = await this.time();
      // Nothing to lead for: asking the store for a lease is a write, and looking is not.
      if (soon > now + SOON_MS) return this.rest(soon - now);
      const lease = await this.holder.acquire(SCHEDULES_LEASE);
      // What is taken when it is closed already would be nobody's.
      if (!lease || this.stopping.signal.aborted) return STANDING_BY;
      const limit = this.options.concurrency - this.firings.size;
      if (limit <= 0) return { state: 'leading', claimed: 0, soonMs: undefined };
      const isOwn = (id: string) => this.firings.isUnsettled(id);
      try {
        const { claimed, next } = await this.book.claim(lease, {
          now,
          limit,
          underWay: this.firings.taken,
          isOwn,
        });
        for (const schedule of claimed) this.firings.begin(schedule, lease);
        const soonMs = next === undefined ? undefined : next - now;
        return { state: 'leading', claimed: claimed.length, soonMs };
      } catch (error) {
        if (error instanceof FenceLost) return STANDING_BY;
        throw error;
      }
    });
  }

  private async rest(soonMs: number | undefined): Promise<Round> {
    const held = this.holder.held.find(({ name }) => name === SCHEDULES_LEASE);
    if (held && this.firings.size === 0) await this.holder.release(held);
    return { state: 'idle', claimed: 0, soonMs };
  }

  /** The state store's clock, by which everything is due: processes differ, and theirs are set. */
  private async time(): Promise<number> {
    return this.clock?.() ?? (await this.parts.state.now()).getTime();
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
    this.observer.consumer(() => ({ consumer: SCHEDULES_LEASE, change, reason }));
  }
}

interface Round {
  readonly state: 'idle' | 'leading' | 'standing-by';
  readonly claimed: number;
  /** So long until something is due; `undefined`: not known. */
  readonly soonMs: number | undefined;
}

const STANDING_BY: Round = { state: 'standing-by', claimed: 0, soonMs: undefined };

type Change = 'started' | 'stopped' | 'paused' | 'resumed';

const LONGEST_ANSWER_MS = 10_000;
const NO_ANSWER = `the state store gave no answer within ${LONGEST_ANSWER_MS} ms: what was under way is fired again`;

/** Who leads is settled before something is due. */
const SOON_MS = 60_000;
