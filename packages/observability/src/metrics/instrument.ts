import type { Attributes } from '@opentelemetry/api';
import { steady } from '../steady.js';
import type { Series } from './series.js';

/** What an instrument is called and how it counts. */
export interface InstrumentDescription {
  readonly name: string;
  readonly prometheus?: string;
  readonly kind: 'counter' | 'histogram' | 'gauge' | 'up-down-counter';
  readonly unit: string;
  readonly help: string;
  /** At most four. */
  readonly attributes: readonly string[];
  readonly buckets?: readonly number[];
}

/** A series and what it is told apart by. */
export interface Point<S extends Series = Series> {
  readonly attributes: Attributes;
  readonly series: S;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** The same by the steady clock. */
  readonly madeAt: number;
}

/**
 * The series of one metric. The same values always give the same series, so that measuring neither allocates nor hashes
 * anything; from `limit` series on everything new is counted in one of its own, as OpenTelemetry has it.
 */
export class Instrument<S extends Series = Series> {
  /** A level for each attribute, the last of them of series. */
  private byValues: Level<unknown> = new Map();
  private all: Point<S>[] = [];
  private overflow: S | undefined;

  constructor(
    readonly description: InstrumentDescription,
    private readonly make: (attributes: Attributes) => S,
    private readonly limit = LIMIT,
  ) {}

  get points(): readonly Point<S>[] {
    return this.all;
  }

  /** The series for values of the attributes, in their order. */
  at(a?: string, b?: string, c?: string, d?: string): S {
    const { length } = this.description.attributes;
    const found = this.byValues.get(a);
    // Most have two: nothing is looked up that is always the same.
    if (length < 2) return (found as S | undefined) ?? this.add([a]);
    const second = (found as Level<unknown> | undefined)?.get(b);
    if (length === 2) return (second as S | undefined) ?? this.add([a, b]);
    const third = (second as Level<unknown> | undefined)?.get(c);
    if (length === 3) return (third as S | undefined) ?? this.add([a, b, c]);
    return ((third as Level<unknown> | undefined)?.get(d) as S | undefined) ?? this.add([a, b, c, d]);
  }

  /** Forgets every series: what is measured afresh each time must not show what is gone. */
  clear(): void {
    this.byValues = new Map();
    this.all = [];
    this.overflow = undefined;
  }

  private add(values: readonly (string | undefined)[]): S {
    if (this.all.length >= this.limit) return (this.overflow ??= this.point(OVERFLOW));
    const attributes: Record<string, string> = {};
    this.description.attributes.forEach((name, i) => {
      if (values[i] !== undefined) attributes[name] = values[i];
    });
    const series = this.point(attributes);
    let level = this.byValues;
    for (const value of values.slice(0, -1)) level = next(level, value);
    level.set(values.at(-1), series);
    return series;
  }

  private point(attributes: Attributes): S {
    const series = this.make(Object.freeze(attributes));
    this.all.push({ attributes, series, since: Date.now(), madeAt: steady() });
    return series;
  }
}

/** https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute */
const OVERFLOW: Attributes = { 'otel.metric.overflow': true };
const LIMIT = 2_000;

type Level<V> = Map<string | undefined, V>;

function next(level: Level<unknown>, value: string | undefined): Level<unknown> {
  const found = level.get(value) as Level<unknown> | undefined;
  if (found) return found;
  const made: Level<unknown> = new Map();
  level.set(value, made);
  return made;
}
