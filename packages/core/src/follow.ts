import { missingEvent, verifyCheckpoint, type Checkpoint } from './checkpoint.js';
import { LogDiverged, StoreUnavailable } from './errors.js';
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

/** A page of events, and what to keep once they are dealt with in order to go on after them. */
export interface FollowedPage extends LogPage {
  readonly checkpoint: Checkpoint;
}

/**
 * Gives every event of the log, once, in order, and goes on as events are appended: the one catch-up loop.
 *
 * It reads on without a pause while there is more, waits for a wake-up at the head, sees a store through an outage, and
 * stops with LogDiverged rather than skip when the log is not the one it followed, even if it was never out of reach. A page
 * may be empty: its `through` is then news. The last page's `checkpoint` is what to keep, after its events are dealt with.
 *
 * @throws LogDiverged, StoreUnusable, StoreClosed, InvalidQuery, InvalidOption
 */
export function follow(store: EventStore, options: FollowOptions = {}): AsyncIterableIterator<FollowedPage> {
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

  async *pages(): AsyncGenerator<FollowedPage, undefined> {
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
  private async *readToHead(): AsyncGenerator<FollowedPage, undefined> {
    try {
      // No further than the log was checked: what comes after an adoption is read as of the new epoch.
      const log = await this.checkLog();
      const { logId, epoch, head: upTo } = log;
      let isFirst = true;
      for await (const page of this.store.readAll({ ...this.options.query, after: this.through, upTo })) {
        if (this.stopped) return undefined;
        if (page.events.length === 0 && page.through <= this.through) continue;
        if (isFirst) await this.checkSeen(log);
        isFirst = false;
        this.through = page.through;
        this.last = lastOf(page, log) ?? this.last;
        const { name = 'follow' } = this.options;
        this.observer.page(() => ({ follower: name, events: page.events.length, through: page.through }));
        const last = this.last && { id: this.last.id, position: this.last.position };
        yield { ...page, checkpoint: { logId, epoch, through: page.through, ...(last && { last }) } };
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

  /**
   * After the first page of a read was read: its log may have taken the place of the one before between two reads, and have
   * grown past it. If it holds the last event before the page it holds all of them.
   */
  private async checkSeen(log: LogIdentity): Promise<void> {
    const { through, last } = this;
    const reason = await missingEvent(this.store, { through, ...(last && { last }) });
    if (reason) throw new LogDiverged({ logId: log.logId, epoch: log.epoch, through }, log, reason);
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

/** At the head it is the head's own event, which filters may have left out. It was read before the page. */
function lastOf({ events, through }: LogPage, { head, headId }: LogIdentity): Checkpoint['last'] {
  const last = events.at(-1);
  if (through !== head || headId === undefined || last?.position === head) return last;
  return { id: headId, position: head };
}
