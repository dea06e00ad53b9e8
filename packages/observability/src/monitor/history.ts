import type { Attributes } from '@opentelemetry/api';
import type { Instrument, Point } from '../metrics/instrument.js';
import type { Measurements } from '../metrics/measurements.js';
import { steady, type Clock } from '../steady.js';
import type { Frame } from './frame.js';
import { KEPT_MS, SeriesHistory } from './series-history.js';

/**
 * What was measured lately, by intervals, from the totals that are kept anyway: so measuring costs no more, and memory is bounded by how
 * many series are followed.
 */
export class History {
  /** By metric, and by what tells its series apart. */
  private readonly followed = new Map<Instrument, Map<string, SeriesHistory>>();
  private count = 0;
  private turnedAt: number;
  /** When each interval began that is kept, the one that goes on included. */
  private readonly begins: number[];
  /** Since when there is one. */
  readonly since: number;

  constructor(
    private readonly measurements: Measurements,
    readonly clock: Clock = steady,
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
    for (const histories of this.followed.values())
      for (const [key, { seenAt }] of histories)
        if (seenAt < now - KEPT_MS && histories.delete(key)) this.count--;
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
    const points = new Map(instrument.points.map((it) => [keyOf(it), it]));
    const found: Followed[] = [];
    for (const point of points.values())
      if (!this.follow(instrument, point)) found.push({ attributes: point.attributes, frames: undefined });
    for (const [key, history] of this.followed.get(instrument) ?? []) {
      const frames = history.frames(points.get(key)?.series, now).filter(({ at }) => at > since);
      found.push({ attributes: history.attributes, frames });
    }
    return found;
  }

  /** How many series have no history, because there are too many. */
  get omitted(): number {
    const omittedOf = (it: Instrument) => {
      const histories = this.followed.get(it);
      if (!histories || this.hasRoom(histories)) return 0;
      return it.points.filter((point) => !histories.has(keyOf(point))).length;
    };
    return this.measurements.all.reduce((sum, it) => sum + omittedOf(it), 0);
  }

  /** `undefined`: there are too many. */
  private follow(instrument: Instrument, point: Point): SeriesHistory | undefined {
    const histories = this.historiesOf(instrument);
    const key = keyOf(point);
    const known = histories.get(key);
    if (known || !this.hasRoom(histories)) return known;
    // What began after the last interval has all been measured since; of what was passed over until now that is not known.
    const before = point.madeAt < this.turnedAt ? point.series : undefined;
    const isGauge =
      instrument.description.kind === 'gauge' || instrument.description.kind === 'up-down-counter';
    const made = new SeriesHistory(point.attributes, isGauge, {
      at: before ? this.clock() : this.turnedAt,
      before,
    });
    histories.set(key, made);
    this.count++;
    return made;
  }

  private historiesOf(instrument: Instrument): Map<string, SeriesHistory> {
    let histories = this.followed.get(instrument);
    if (!histories) this.followed.set(instrument, (histories = new Map<string, SeriesHistory>()));
    return histories;
  }

  /** What one metric takes leaves room for the others. */
  private hasRoom({ size }: ReadonlyMap<string, SeriesHistory>): boolean {
    return size < (this.count < MOST_SERIES ? MOST_OF_ONE : LEAST_OF_ONE);
  }
}

/** One series, and what it measured. */
export interface Followed {
  readonly attributes: Attributes;
  /** `undefined`: it has no history, because there are too many series. */
  readonly frames: readonly Frame[] | undefined;
}

const INTERVAL_MS = 10_000;
/** Series of one metric. What is new beyond them has no history. */
const MOST_OF_ONE = 250;
/** Series of all metrics, from which on each has room for fewer. Each takes up to 60 KB, where it measures something all the time. */
const MOST_SERIES = 1_000;
const LEAST_OF_ONE = 20;

function keyOf({ attributes }: Point): string {
  return JSON.stringify(attributes);
}
