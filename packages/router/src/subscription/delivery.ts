import type { RecordedEvent } from '@backstory/core';
import type { StateTransaction } from '@backstory/core/state';
import { DeliveryEnded } from './errors.js';
import type { Doing } from './mark.js';
import type { Lane } from './partition.js';
import { within } from './within.js';

/** What a handler is given beside its event: which attempt this is, and how far it may go. */
export class Delivery {
  private ending: AbortController | undefined;
  private endReason: Error | string | undefined;
  private times = 0;
  /** How long it waited to write, until `waitsSince` where it waits. */
  private waited = 0;
  private waiting = 0;
  private waitsSince = 0;

  constructor(
    readonly subscription: string,
    readonly handler: string,
    /** 1, 2, 3 … */
    readonly attempt: number,
    private readonly lane: Lane,
    private readonly effects: Effects,
  ) {}

  /** Aborts when the handler has run out of time, or may not go on because another process has taken over. */
  get signal(): AbortSignal {
    // Most handlers never ask, and a controller for each event costs more than the rest of the delivery.
    if (!this.ending) {
      this.ending = new AbortController();
      if (this.endReason !== undefined) this.ending.abort(this.endError());
    }
    return this.ending.signal;
  }

  /**
   * `await once(recorded, (tx) => tx.put('sent', recorded.stream, 'yes'))`: writes to the state store once, however often the event is
   * delivered, in one transaction with the mark that says so. `undefined` when it was done before. A handler may do so
   * several times; the times are told apart by their order.
   *
   * @throws FenceLost when another process handles this event now; DeliveryEnded, HandlerTimedOut when this attempt is over;
   * OnceTimedOut where the work kept leases from being renewed
   */
  get once(): Once {
    return async (event, work) => {
      if (this.endReason !== undefined) throw this.endError();
      const { handler, lane, signal } = this;
      const place = { lane, handler, event, nth: this.times++, signal };
      return this.turn((begin) =>
        this.effects.once(place, (tx) => {
          begin();
          return within(signal, () => work(tx));
        }),
      );
    };
  }

  /** Waiting for its turn to write is not the handler's time: `write` says when it begins. */
  async turn<T>(write: (begin: () => void) => Promise<T>): Promise<T> {
    if (this.waiting++ === 0) this.waitsSince = performance.now();
    let waits = true;
    const begin = () => {
      if (!waits) return;
      waits = false;
      if (--this.waiting === 0) this.waited += performance.now() - this.waitsSince;
    };
    try {
      return await write(begin);
    } finally {
      begin();
    }
  }

  /** How long it has waited for its turn to write, in all. */
  waitedMs(now: number): number {
    return this.waited + (this.waiting > 0 ? now - this.waitsSince : 0);
  }

  /** Nothing of this attempt counts any more. */
  end(reason: Error | string): void {
    if (this.endReason !== undefined) return;
    this.endReason = reason;
    this.ending?.abort(this.endError());
  }

  /** Made where somebody asks: most handlers never do. */
  private endError(): Error {
    const { subscription, handler, endReason } = this;
    return endReason instanceof Error ? endReason : new DeliveryEnded(subscription, handler, endReason!);
  }
}

/** Writes to the state store once for an event, however often it is delivered. */
export type Once = <T>(
  event: Pick<RecordedEvent, 'id' | 'position'>,
  work: (tx: StateTransaction) => Promise<T>,
) => Promise<T | undefined>;

/** Does what a handler may do once. */
export interface Effects {
  once<T>(place: OncePlace, work: (tx: StateTransaction) => Promise<T>): Promise<T | undefined>;
  /** For several events of one partition; `work` is given the places for which it was not done. */
  onceEach<T>(
    places: readonly OncePlace[],
    work: (tx: StateTransaction, fresh: readonly number[]) => Promise<T>,
  ): Promise<T | undefined>;
}

/** What is done once, and for which key. */
export interface OncePlace extends Doing {
  readonly lane: Lane;
  /** Aborted when the attempt is over. */
  readonly signal: AbortSignal;
}
