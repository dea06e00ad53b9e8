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
  private lastAppend = -Infinity;
  private began = performance.now();
  private readonly stop: () => void;

  constructor(
    store: Pick<EventStore, 'onAppend'>,
    private readonly rest = (ms: number, signal: AbortSignal): Promise<void> =>
      setTimeout(ms, undefined, { signal }).catch(() => signal.throwIfAborted()),
  ) {
    this.stop = store.onAppend(() => (this.lastAppend = performance.now()));
  }

  get othersAppend(): boolean {
    return performance.now() - this.lastAppend < RECENT_MS;
  }

  /** Call it after each piece of work. */
  async afterWork(signal: AbortSignal): Promise<void> {
    const rest = Math.min(LONGEST_REST_MS, REST * (performance.now() - this.began));
    if (this.othersAppend) await this.rest(rest, signal);
    this.began = performance.now();
  }

  close(): void {
    this.stop();
  }
}
