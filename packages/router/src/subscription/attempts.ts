import { Context, type RecordedEvent } from '@backstory/core';
import {
  observedEvent,
  silent,
  type HandleEnd,
  type HandleStart,
  type Observer,
} from '@backstory/core/observe';
import { messageOf } from '@backstory/core/state';
import { HandlerTimedOut } from '../bus/errors.js';
import { isThenable } from '../thenable.js';
import { Delivery, type Effects } from './delivery.js';
import { DeliveryEnded, OnceTimedOut } from './errors.js';
import type { Lane, Partition } from './partition.js';
import type { Handler } from './reaction.js';
import { ENDED } from './within.js';

/** Runs handlers, each for its time, and says how each attempt ended; later ends of an attempt that is over are ignored. */
export class Attempts {
  private readonly underWay: Attempt[] = [];
  private timer: NodeJS.Timeout | undefined;
  private wakeAt = Infinity;

  constructor(
    private readonly subscription: string,
    private readonly effects: Effects,
    private readonly observer: Observer,
    /** How an attempt ended that was not over when `run` returned. */
    private readonly ended: (lane: Lane, handler: Handler, how: Ended) => void,
  ) {}

  /** How it ended, at once, where the handler is not asynchronous: so it costs no promise. */
  run(lane: Lane, handler: Handler, recorded: RecordedEvent<object>): 'under way' | Ended {
    const delivery = new Delivery(this.subscription, handler.name, lane.attempts + 1, lane, this.effects);
    const attempt = new Attempt(lane, handler, delivery);
    let pending: Promise<unknown>;
    try {
      const result = this.observer === silent ? call(attempt, recorded) : this.observed(attempt, recorded);
      if (!isThenable(result)) return concluded(attempt, { failure: undefined, result });
      pending = Promise.resolve(result);
    } catch (error) {
      return concluded(attempt, failedBy(error));
    }
    this.watch(attempt);
    pending.then(
      (given) => this.settle(attempt, { failure: undefined, result: given }),
      (error: unknown) => this.settle(attempt, failedBy(error)),
    );
    return 'under way';
  }

  /** Nothing of this partition counts any more; its handlers are told to stop. */
  abandon(partition: Partition, reason: string): void {
    for (const attempt of this.underWay.filter((it) => it.lane.partition === partition)) {
      if (attempt.isOver) continue;
      this.forget(attempt);
      const error = new DeliveryEnded(this.subscription, attempt.handler.name, reason);
      attempt.delivery.end(error);
      attempt.expire?.(error);
    }
  }

  close(): void {
    clearTimeout(this.timer);
  }

  /** An observer sees the attempt end when it ends for us: also when its time is over and the handler goes on. */
  private observed(attempt: Attempt, recorded: RecordedEvent<object>): Promise<unknown> {
    const { lane, handler, delivery } = attempt;
    const start = (): HandleStart => ({
      subscription: this.subscription,
      handler: handler.name,
      attempt: delivery.attempt,
      event: observedEvent(recorded),
      previous,
      ...(handler.events !== undefined && { events: handler.events }),
      ...(lane.replaying && { replay: lane.replaying.id }),
    });
    const previous = (lane.attempts > 0 ? lane.trace : undefined) ?? keptTrace(lane, handler, recorded);
    return this.observer.handle<unknown>(start, (end) => {
      lane.trace = this.observer.trace();
      return ending(attempt, end, () => call(attempt, recorded));
    });
  }

  private settle(attempt: Attempt, how: Ended): void {
    if (attempt.isOver) return;
    this.forget(attempt);
    this.ended(attempt.lane, attempt.handler, concluded(attempt, how));
  }

  private watch(attempt: Attempt): void {
    attempt.deadline = performance.now() + attempt.handler.timeoutMs;
    attempt.place = this.underWay.push(attempt) - 1;
    if (attempt.deadline < this.wakeAt) this.wake(attempt.deadline);
  }

  /** The last one takes its place. */
  private forget(attempt: Attempt): void {
    const last = this.underWay.pop()!;
    if (last !== attempt) {
      this.underWay[attempt.place] = last;
      last.place = attempt.place;
    }
    attempt.isOver = true;
  }

  /** One timer for all: most attempts end long before. */
  private wake(at: number): void {
    clearTimeout(this.timer);
    this.wakeAt = at;
    if (at === Infinity) return;
    this.timer = setTimeout(() => this.expire(), Math.max(1, at - performance.now()));
  }

  private expire(): void {
    const now = performance.now();
    let next = Infinity;
    // What begins meanwhile, in the place of what is over, sets the timer for itself.
    this.wakeAt = Infinity;
    for (const attempt of [...this.underWay]) {
      const deadline = attempt.deadline + attempt.delivery.waitedMs(now);
      if (deadline > now) next = Math.min(next, deadline);
      else this.timeOut(attempt);
    }
    if (next < this.wakeAt) this.wake(next);
  }

  private timeOut(attempt: Attempt): void {
    const { handler, delivery } = attempt;
    const error = new HandlerTimedOut(`${this.subscription}.${handler.name}`, handler.timeoutMs);
    delivery.end(error);
    attempt.expire?.(error);
    this.settle(attempt, failedBy(error, true));
  }
}

/** How an attempt failed. */
export interface Failure {
  readonly error: unknown;
  readonly isTimeOut: boolean;
}

/** How an attempt ended: with what the handler gave, or a failure. */
export interface Ended {
  readonly failure: Failure | undefined;
  readonly result?: unknown;
}

/** An attempt that ended with this error; of one that cannot even be asked what it is, what can be said. */
export function failedBy(error: unknown, isTimeOut = false): Ended {
  try {
    return { failure: { error, isTimeOut: isTimeOut || error instanceof OnceTimedOut } };
  } catch {
    return { failure: { error: new Error(messageOf(error)), isTimeOut } };
  }
}

class Attempt {
  deadline = 0;
  /** Among those under way. */
  place = 0;
  isOver = false;
  expire: ((error: Error) => void) | undefined;

  constructor(
    readonly lane: Lane,
    readonly handler: Handler,
    readonly delivery: Delivery,
  ) {}
}

/** What it did not wait for goes on where it ended well; where it failed the next attempt does it. */
function concluded({ delivery }: Attempt, how: Ended): Ended {
  delivery.end(how.failure ? 'it has failed' : ENDED);
  return how;
}

/** As `work` ends, or before that when its time is over: what comes later is ignored. One promise, whatever it gives. */
function ending(
  attempt: Attempt,
  end: (facts: () => HandleEnd) => void,
  work: () => unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const over = (outcome: HandleEnd['outcome'], settle: () => void) => {
      if (isOver) return;
      isOver = true;
      end(() => ({ outcome }));
      settle();
    };
    const handled = (result: unknown) => over('handled', () => resolve(result));
    const failed = (error: Error) => over('failed', () => reject(error));
    attempt.expire = (error) =>
      over(error instanceof HandlerTimedOut ? 'timed-out' : 'failed', () => reject(error));
    try {
      const result = work();
      if (isThenable(result)) Promise.resolve(result).then(handled, failed);
      else handled(result);
    } catch (error) {
      failed(error as Error);
    }
  });
}

function call({ handler, delivery }: Attempt, recorded: RecordedEvent<object>): unknown {
  return Context.handling(recorded, delivery).run(() => handler.run(recorded.data, recorded, delivery));
}

/** Of an attempt that may have been made in a process that is gone. */
function keptTrace({ parked }: Lane, handler: Handler, { id }: RecordedEvent) {
  return parked?.eventId === id && parked.handler === handler.name ? parked.flow?.trace : undefined;
}
