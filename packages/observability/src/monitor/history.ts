import type { Attributes } from '@opentelemetry/api';
import type { Instrument, Point } from '../metrics/instrument.js';
import type { Measurements } from '../metrics/measurements.js';
import type { Frame } from './frame.js';
import { KEPT_MS, SeriesHistory } from './series-history.js';

/**
 * What was measured lately, by intervals, from the totals that are kept anyway: so measuring costs no more, and memory is bounded by how
 * many series are followed.
 */
export class History {
  private readonly followed = new Map<string, SeriesHistory>();
  private turnedAt: number;
  /** When each interval began that is kept, the one that goes on included. */
  private readonly begins: number[];
  /** Since when there is one. */
  readonly since: number;

  constructor(
    private readonly measurements: Measurements,
    readonly clock: () => number = Date.now,
  ) {
    this.since = this.turnedAt = clock();
    this.begins = [this.since];
  }

  /** Ends an interval, unless the last one ended a moment ago. */
  turn(): void {
    const now = this.clock();
    if (now - this.turnedAt < INTERVAL_MS) return;
    for (const instrument of this.measurements.all)
      for (const point of instrument.points) this.follow(instrument, point)?.turn(point.series, now);
    this.turnedAt = now;
    this.begins.push(now);
    while (this.begins[1] !== undefined && this.begins[1] <= now - KEPT_MS) this.begins.shift();
    for (const [key, { seenAt }] of this.followed) if (seenAt < now - KEPT_MS) this.followed.delete(key);
  }

  /** When the first interval began of which a part is later. */
  beginOf(since: number): number {
    return this.begins.findLast((at) => at <= since) ?? this.begins[0]!;
  }

  /** The instrument of a metric. */
  instrument(metric: string): Instrument | undefined {
    return this.measurements.all.find(({ description }) => description.name === metric);
  }

  /** The intervals of each series of a metric since then, with the one that is not over. */
  framesOf(instrument: Instrument, since: number): readonly Followed[] {
    const now = this.clock();
    const points = new Map(instrument.points.map((it) => [keyOf(instrument, it), it]));
    const found: Followed[] = [];
    for (const point of points.values())
      if (!this.follow(instrument, point)) found.push({ attributes: point.attributes, frames: undefined });
    for (const [key, history] of this.followed) {
      if (!key.startsWith(`${instrument.description.name} `)) continue;
      const frames = history.frames(points.get(key)?.series, now).filter(({ at }) => at > since);
      found.push({ attributes: history.attributes, frames });
    }
    return found;
  }

  /** How many series have no history, because there are too many. */
  get omitted(): number {
    const isOmitted = (instrument: Instrument) => (point: Point) =>
      !this.followed.has(keyOf(instrument, point));
    if (this.followed.size < MOST_SERIES) return 0;
    return this.measurements.all.reduce((sum, it) => sum + it.points.filter(isOmitted(it)).length, 0);
  }

  /** `undefined`: there are too many. */
  private follow(instrument: Instrument, point: Point): SeriesHistory | undefined {
    const key = keyOf(instrument, point);
    const known = this.followed.get(key);
    if (known || this.followed.size >= MOST_SERIES) return known;
    // What began after the last interval has all been measured since; of what was passed over until now that is not known.
    const before = point.since < this.turnedAt ? point.series : undefined;
    const isGauge =
      instrument.description.kind === 'gauge' || instrument.description.kind === 'up-down-counter';
    const made = new SeriesHistory(point.attributes, isGauge, {
      at: before ? this.clock() : this.turnedAt,
      before,
    });
    this.followed.set(key, made);
    return made;
  }
}

/** One series, and what it measured. */
export interface Followed {
  readonly attributes: Attributes;
  /** `undefined`: it has no history, because there are too many series. */
  readonly frames: readonly Frame[] | undefined;
}

const INTERVAL_MS = 10_000;
/** Each takes up to 60 KB, where it measures something all the time. What is new beyond them has no history. */
const MOST_SERIES = 250;

function keyOf({ description }: Instrument, { attributes }: Point): string {
  return `${description.name} ${JSON.stringify(attributes)}`;
}
