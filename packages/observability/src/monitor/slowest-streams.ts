import { isSystemStream } from '@backstory/core/store';
import type { Listener } from '../listener.js';
import { isoOf, steady, type Clock } from '../steady.js';

/** A load that took long. */
export interface SlowLoad {
  readonly stream: string;
  readonly seconds: number;
  readonly eventsFolded: number;
  /** When, as ISO 8601. */
  readonly at: string;
}

/** The streams that took longest to load in the last hour, each once. */
export class SlowestStreams implements Listener {
  readonly signal = 'metrics';
  readonly begins = {};
  readonly told = {};
  readonly ends: Listener['ends'] = {
    load: ({ start, end, seconds }) => {
      if (!end || isSystemStream(start.stream)) return;
      if (seconds <= this.least && this.clock() < this.until) return;
      this.keep({ stream: start.stream, seconds, eventsFolded: end.eventsFolded, at: this.clock() });
    },
  };
  private kept: readonly Kept[] = [];
  /** What is no slower is not looked at, until one of those that are kept is too old. */
  private least = -1;
  private until = -Infinity;

  constructor(private readonly clock: Clock = steady) {}

  /** The slowest first. */
  get all(): readonly SlowLoad[] {
    const since = this.clock() - KEPT_MS;
    return this.kept
      .filter(({ at }) => at > since)
      .map(({ at, ...load }) => ({ ...load, at: isoOf(this.clock, at) }));
  }

  private keep(load: Kept): void {
    const since = this.clock() - KEPT_MS;
    const same = this.kept.find(({ stream, at }) => stream === load.stream && at > since);
    if (same && same.seconds >= load.seconds) return;
    const others = this.kept.filter((it) => it !== same && it.at > since);
    this.kept = [...others, load].sort((a, b) => b.seconds - a.seconds).slice(0, MOST);
    this.least = this.kept.length < MOST ? -1 : this.kept.at(-1)!.seconds;
    this.until = Math.min(...this.kept.map(({ at }) => at)) + KEPT_MS;
  }
}

interface Kept extends Omit<SlowLoad, 'at'> {
  readonly at: number;
}

const MOST = 10;
const KEPT_MS = 3_600_000;
