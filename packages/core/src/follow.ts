import { verifyCheckpoint, type Checkpoint } from './checkpoint.js';
import { StoreUnavailable } from './errors.js';
import type { EventStore, LogIdentity, LogPage, LogQuery } from './event-store.js';
import { guarded } from './guarded.js';
import { LONGEST_TIMER, numberOption } from './number-option.js';
import type { Observer } from './observer.js';
import { outside } from './outside.js';

export interface FollowOptions {
  /** Where to begin: after this position, or where a checkpoint was taken. Default 0, the beginning. */
  readonly after?: number | Checkpoint;
  /** Which events to give. Positions in between are examined all the same, so `through` goes on. */
  readonly query?: Omit<LogQuery, 'after' | 'upTo' | 'limit' | 'backwards'>;
  /** Ends the iteration, quietly. */
  readonly signal?: AbortSignal;
  /** Looks for events at least this often, because a wake-up may get lost. Default 1,000. */
  readonly pollMs?: number;
  /** Name in observations. */
  readonly name?: string;
  readonly observer?: Observer;
}

/**
 * Gives every event of the log, once, in order, and goes on as events are appended: the one catch-up loop.
 *
 * It reads on without a pause while there is more, waits for a wake-up at the head, sees a store through an outage, and
 * stops with LogDiverged rather than skip when the log is not the one it followed. A page may be empty: its
 * `through` is then news. The last page's `through` is what to keep in a checkpoint, after its events are dealt with.
 *
 * @throws LogDiverged, StoreUnusable, StoreClosed, InvalidQuery, InvalidOption
 */
export function follow(store: EventStore, options: FollowOptions = {}): AsyncIterableIterator<LogPage> {
  const follower = new Follower(store, options);
  const pages = follower.pages();
  return {
    next: () => outside(() => pages.next()),
    return: (value?: unknown) => {
      follower.stop();
      return outside(() => pages.return(value as undefined));
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

class Follower {
  private readonly pollMs: number;
  private readonly signal: AbortSignal | undefined;
  private readonly observer: Observer;
  private through: number;
  private last: Checkpoint['last'];
  private log: LogIdentity | undefined;
  private verified = false;
  private stopped = false;
  private woken = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly store: EventStore,
    private readonly options: FollowOptions,
  ) {
    const { after = 0, pollMs = 1_000, signal, observer } = options;
    this.pollMs = numberOption('pollMs', pollMs, 1, LONGEST_TIMER);
    this.signal = signal;
    this.observer = guarded(observer);
    this.through = typeof after === 'number' ? after : after.through;
    this.last = typeof after === 'number' ? undefined : after.last;
  }

  /** Ends the pages, also while one is being waited for. */
  stop(): void {
    this.stopped = true;
    this.notice();
  }

  async *pages(): AsyncGenerator<LogPage, undefined> {
    const unsubscribe = this.store.onAppend(() => this.notice());
    const aborted = () => this.stop();
    this.signal?.addEventListener('abort', aborted);
    if (this.signal?.aborted) this.stop();
    try {
      while (!this.stopped) {
        this.woken = false;
        yield* this.readToHead();
        if (!this.woken) await this.pause(this.pollMs);
      }
    } finally {
      unsubscribe();
      this.signal?.removeEventListener('abort', aborted);
    }
    return undefined;
  }

  /** An outage ends the reading; the log is checked again before it goes on, for it may come back as another. */
  private async *readToHead(): AsyncGenerator<LogPage, undefined> {
    try {
      // No further than the log was checked: what comes after an adoption is read as of the new epoch.
      const { head: upTo } = await this.checkLog();
      for await (const page of this.store.readAll({ ...this.options.query, after: this.through, upTo })) {
        if (this.stopped) return undefined;
        if (page.events.length === 0 && page.through <= this.through) continue;
        this.through = page.through;
        this.last = page.events.at(-1) ?? this.last;
        const { name = 'follow' } = this.options;
        this.observer.page(() => ({ follower: name, events: page.events.length, through: page.through }));
        yield page;
      }
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      this.verified = false;
    }
    return undefined;
  }

  private async checkLog(): Promise<LogIdentity> {
    const { after = 0 } = this.options;
    if (this.log && this.verified) {
      const now = await this.store.identity();
      const same = now.logId === this.log.logId && now.epoch === this.log.epoch && now.head >= this.through;
      if (same) return now;
    }
    const begun: Partial<Checkpoint> =
      this.log ?? (typeof after === 'number' ? await this.store.identity() : after);
    const { logId, epoch } = begun as Checkpoint;
    const checkpoint = { logId, epoch, through: this.through, ...(this.last && { last: this.last }) };
    this.log = await verifyCheckpoint(this.store, checkpoint);
    this.verified = true;
    return this.log;
  }

  private notice(): void {
    this.woken = true;
    this.wake();
  }

  private async pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
