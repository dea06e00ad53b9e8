import { ValueType, type HrTime } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import {
  AggregationTemporality,
  DataPointType,
  type CollectionResult,
  type DataPoint,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import { emptyResource } from '@opentelemetry/resources';
import type { Instrument, Point } from './instrument.js';
import type { Measurements } from './measurements.js';
import { Histogram } from './series.js';

/**
 * Gives what was measured to any reader of OpenTelemetry's SDK: `new PeriodicExportingMetricReader({ exporter, metricProducers: [it] })`.
 * Always cumulative.
 */
export class MeasurementProducer implements MetricProducer {
  constructor(private readonly measurements: Measurements) {}

  async collect(): Promise<CollectionResult> {
    const now = millisToHrTime(Date.now());
    const metrics = this.measurements.all
      .filter(({ points }) => points.length > 0)
      .map((instrument) => dataOf(instrument, now));
    const scopeMetrics = [{ scope: { name: SCOPE }, metrics }];
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
  }
}

/** The instrumentation scope of spans, metrics and log records. */
export const SCOPE = '@backstory/observability';

function dataOf({ description, points }: Instrument, now: HrTime): MetricData {
  const { name, help, unit, kind } = description;
  const common = {
    descriptor: { name, description: help, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (kind === 'histogram')
    return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints: distributions(points, now) };
  const dataPoints = points.map((point) => pointOf(point, now, (point.series as { value: number }).value));
  if (kind === 'gauge') return { ...common, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...common, dataPointType: DataPointType.SUM, dataPoints, isMonotonic: kind === 'counter' };
}

function distributions(points: readonly Point[], now: HrTime) {
  return points.flatMap((point) => {
    const { series } = point;
    if (!(series instanceof Histogram)) return [];
    const { bounds, counts, sum, count, min, max } = series;
    const buckets = { boundaries: [...bounds], counts: [...counts] };
    return [pointOf(point, now, { buckets, sum, count, ...(count > 0 && { min, max }) })];
  });
}

function pointOf<Value>({ attributes, since }: Point, endTime: HrTime, value: Value): DataPoint<Value> {
  return { attributes, startTime: millisToHrTime(since), endTime, value };
}
