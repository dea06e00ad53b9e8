import type { Attributes, Meter, MetricOptions } from '@opentelemetry/api';
import type { InstrumentDescription, Point } from './instrument.js';
import type { Gauge } from './series.js';

/** Takes what an instrument measures to a meter of OpenTelemetry. Gauges are asked when the meter is read. */
export function forwarding(
  meter: Meter,
  { name, kind, unit, help, buckets }: InstrumentDescription,
  points: () => readonly Point[],
): ((value: number, attributes: Attributes) => void) | undefined {
  const options: MetricOptions = {
    unit,
    description: help,
    ...(buckets && { advice: { explicitBucketBoundaries: [...buckets] } }),
  };
  if (kind === 'gauge') {
    meter.createObservableGauge(name, options).addCallback((result) => {
      for (const { series, attributes } of points()) result.observe((series as Gauge).value, attributes);
    });
    return undefined;
  }
  if (kind === 'histogram') {
    const histogram = meter.createHistogram(name, options);
    return (value, attributes) => histogram.record(value, attributes);
  }
  const isSum = kind === 'counter';
  const counter = isSum ? meter.createCounter(name, options) : meter.createUpDownCounter(name, options);
  return (value, attributes) => counter.add(value, attributes);
}
