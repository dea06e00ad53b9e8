import { setTimeout } from 'node:timers/promises';
import type { EventStore } from '@backstory/core';

/** For so long after an append others are taken to be appending. */
const RECENT_MS = 500;
/** Of the time that work took, for as many times as much it then rests. */
const REST = 9;
/** Waiting for a store that does not answer is not work. */
const LONGEST_REST_MS = 1_000;

/** Has work rest in between while others append, so that these do not wait for processor and disk. */
export class GiveWay {
  private lastWake = -Infinity;
  private lastAppend = -Infinity;
  private began = performance.now();
  private readonly stop: () => void;

  constructor(
    private readonly store: Pick<EventStore, 'onAppend' | 'identity'>,
    private head: number,
    private readonly rest = (ms: number, signal: AbortSignal): Promise<void> =>
      setTimeout(ms, undefined, { signal }).catch(() => signal.throwIfAborted()),
  ) {
    this.stop = store.onAppend(() => (this.lastWake = performance.now()));
  }

  /** Or so it seems: a wake-up is a hint. */
  get othersAppend(): boolean {
    return isRecent(Math.max(this.lastWake, this.lastAppend));
  }

  /** Call it after each piece of work. */
  async afterWork(signal: AbortSignal): Promise<void> {
    const rest = Math.min(LONGEST_REST_MS, REST * (performance.now() - this.began));
    if (this.othersAppend && (await this.haveAppended())) await this.rest(rest, signal);
    this.began = performance.now();
  }

  close(): void {
    this.stop();
  }

  private async haveAppended(): Promise<boolean> {
    const { lastWake } = this;
    const { head } = await this.store.identity();
    if (head > this.head) this.lastAppend = lastWake;
    // What comes while this is asked is for the next time.
    if (this.lastWake === lastWake) this.lastWake = -Infinity;
    this.head = head;
    return isRecent(this.lastAppend);
  }
}

const isRecent = (time: number): boolean => performance.now() - time < RECENT_MS;
