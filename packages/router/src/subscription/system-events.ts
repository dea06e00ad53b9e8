import { Context, type NewEvent, type Recorder } from '@backstory/core';
import { inTime, messageOf } from '@backstory/core/state';

/** What happened to a subscription, on its stream `_system-<name>`. */
export type SystemEvent =
  | 'subscription.started'
  | 'subscription.stopped'
  | 'subscription.paused'
  | 'subscription.resumed'
  | 'subscription.faulted'
  | 'subscription.taken-over'
  | 'subscription.reset'
  | 'subscription.key-parked'
  | 'subscription.key-released'
  | 'subscription.request'
  | 'subscription.request-void'
  | 'subscription.replayed';

/** The stream on which what happens to a subscription is recorded. */
export function systemStream(subscription: string): string {
  return `_system-${subscription}`;
}

/**
 * Records what happens to a subscription. It is never waited for: while the log cannot be reached the last ones are kept and
 * recorded later, and handling goes on.
 */
export class SystemEvents {
  private waiting: NewEvent[] = [];
  private recording: Promise<void> = Promise.resolve();
  private isDue = false;
  /** Being recorded. */
  private underWay: readonly NewEvent[] = [];
  private failure = '';

  constructor(
    private readonly recorder: Recorder,
    private readonly subscription: string,
  ) {}

  note(type: SystemEvent, data: Readonly<Record<string, unknown>>, actor?: string): void {
    if (this.waiting.length >= MOST) this.waiting.shift();
    const metadata = { occurredAt: new Date().toISOString(), ...(actor !== undefined && { actor }) };
    this.waiting.push({ type, data: JSON.stringify({ subscription: this.subscription, ...data }), metadata });
  }

  /** Records what was noted. Never rejects. */
  flush(): Promise<void> {
    // While the log does not answer, calls must not pile up: the next turn takes all there is.
    if (this.isDue) return this.recording;
    this.isDue = true;
    return (this.recording = this.recording.then(async () => {
      this.isDue = false;
      const events = this.waiting.splice(0);
      if (events.length === 0) return;
      const stream = systemStream(this.subscription);
      this.underWay = events;
      try {
        await Context.none.run(() =>
          this.recorder.record([{ stream, expected: 'any', events }], { system: true }),
        );
      } catch (error) {
        this.failure = messageOf(error);
        this.waiting = [...events, ...this.waiting].slice(-MOST);
      }
      this.underWay = [];
    }));
  }

  /** Records what was noted, for the last time, but waits no longer than some seconds. Says what was not recorded, and why. */
  async close(): Promise<string | undefined> {
    const flushed = this.flush().then(() => this.failure);
    const why = await inTime(LONGEST_CLOSE_MS, flushed, {
      instead: `no answer within ${LONGEST_CLOSE_MS} ms`,
    });
    const left = [...this.underWay, ...this.waiting].map(({ type }) => type);
    if (left.length === 0) return undefined;
    return `not recorded on ${systemStream(this.subscription)}: ${[...new Set(left)].join(', ')}: ${why}`;
  }
}

const MOST = 1_000;
const LONGEST_CLOSE_MS = 5_000;
