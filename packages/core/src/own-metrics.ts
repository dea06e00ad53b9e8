/**
 * Metrics of the application's own, measured and shown like those of the framework. Asking for one that is there gives that one. What
 * cannot be measured – a value that is no number, a counter that would fall – is counted as dropped and is otherwise nobody's concern.
 */
export interface OwnMetrics {
  /** How often something happened, or how much of it. @throws InvalidOption */
  counter<By extends string = never>(name: string, options?: OwnMetricOptions<By>): OwnCounter<By>;
  /** How much there is of something now. @throws InvalidOption */
  gauge<By extends string = never>(name: string, options?: OwnMetricOptions<By>): OwnGauge<By>;
  /** How values are distributed. @throws InvalidOption */
  histogram<By extends string = never>(name: string, options?: OwnHistogramOptions<By>): OwnHistogram<By>;
}

/** What an own metric says about itself. */
export interface OwnMetricOptions<By extends string = string> {
  /** By UCUM, as OpenTelemetry writes it: `s`, `By`, `{order}`. Default `1`. */
  readonly unit?: string;
  readonly help?: string;
  /** What its series are told apart by: four names at most. Names and types, never ids: each value is a series. */
  readonly by?: readonly By[];
  /** How many series there may be; what is beyond them is one, `otel.metric.overflow`. 1 to 100,000, default 2,000. */
  readonly limit?: number;
}

/** What the values of an own metric are distributed over. */
export interface OwnHistogramOptions<By extends string = string> extends OwnMetricOptions<By> {
  /** Rising upper bounds. Default: 1, 2, 5, 10 … 1,000,000. */
  readonly buckets?: readonly number[];
}

/** The values that tell a series apart; what is left out is absent. */
export type OwnMetricValues<By extends string> = { readonly [Name in By]?: string | number | boolean };

/** A sum that only grows. */
export interface OwnCounter<By extends string = never> {
  /** Default 1. */
  add(amount?: number, by?: OwnMetricValues<By>): void;
}

/** What was measured last. */
export interface OwnGauge<By extends string = never> {
  set(value: number, by?: OwnMetricValues<By>): void;
}

/** A distribution. */
export interface OwnHistogram<By extends string = never> {
  record(value: number, by?: OwnMetricValues<By>): void;
}

/** Measures nothing: for an application that nobody observes. */
export const unmeasured: OwnMetrics = {
  counter: () => ({ add: () => undefined }),
  gauge: () => ({ set: () => undefined }),
  histogram: () => ({ record: () => undefined }),
};
