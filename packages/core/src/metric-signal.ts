import type { Observer } from './observer.js';

/**
 * A row of the signal table, the only place where names, units, attributes and buckets live (spans and log lines are in
 * `span-signals.ts`). Reference, Prometheus rules and dashboards are generated from it. Durations are seconds. Ids of
 * streams, events and flows never appear in a metric's attributes.
 */
export interface MetricSignal {
  /** The OpenTelemetry instrument. */
  readonly name: `backstory.${string}`;
  /** The Prometheus name that the requirements ask for, where there is one. */
  readonly prometheus?: string;
  readonly kind: 'counter' | 'histogram' | 'gauge' | 'up-down-counter';
  /** UCUM, as OpenTelemetry writes it. */
  readonly unit: string;
  readonly attributes: readonly string[];
  /** Upper bounds; every histogram has its own, because the defaults are meant for milliseconds. */
  readonly buckets?: readonly number[];
  /** Who reports it: a seam of the Observer, or a sampler that looks from outside so that a dead consumer cannot hide. */
  readonly source: keyof Observer | 'sampler';
  readonly help: string;
}

/** A row as the tables write it. */
type Row = readonly [
  name: string,
  unit: string,
  attributes: readonly string[],
  source: MetricSignal['source'],
  help: string,
  prometheus?: string,
];

export function counters(...rows: readonly Row[]): MetricSignal[] {
  return rows.map((row) => signal('counter', row));
}

export function histograms(buckets: readonly number[], ...rows: readonly Row[]): MetricSignal[] {
  return rows.map((row) => ({ ...signal('histogram', row), buckets }));
}

export function gauges(...rows: readonly Row[]): MetricSignal[] {
  return rows.map((row) => signal('gauge', row));
}

export function signal(
  kind: MetricSignal['kind'],
  [name, unit, attributes, source, help, prometheus]: Row,
): MetricSignal {
  const common = { name: `backstory.${name}`, kind, unit, attributes, source, help } as const;
  return prometheus === undefined ? common : { ...common, prometheus };
}
