import { DataPointType, type DataPoint, type Histogram, type MetricData } from '@opentelemetry/sdk-metrics';
import { values, type Values } from './family.js';

/** Counters that the durations hold already: how many, by status, and how many of each kind of error. They cost nothing to count. */
export function derivedFrom(data: MetricData): readonly Values[] {
  const { name } = data.descriptor;
  if (data.dataPointType === DataPointType.HISTOGRAM) {
    const points = data.dataPoints;
    if (name === 'backstory.process.duration')
      return [
        counter('events_handled_total', 'Attempts of handlers, by status.', points.map(byStatus)),
        counter('events_handling_errors_total', 'Attempts of handlers that failed.', points.flatMap(errors)),
      ];
    if (name === 'backstory.append.duration')
      return [counter('events_storage_errors_total', 'Appends that failed.', points.flatMap(errors))];
  }
  if (name === 'backstory.retry.attempts' && data.dataPointType === DataPointType.SUM) {
    const failed = data.dataPoints.filter(({ attributes }) => attributes['outcome'] === 'failure');
    return [
      counter('events_retry_failed_total', 'Attempts after the first that failed.', failed, ['outcome']),
    ];
  }
  return [];
}

/** How those are called. */
export const DERIVED_NAMES: readonly string[] = [
  'events_handled_total',
  'events_handling_errors_total',
  'events_storage_errors_total',
  'events_retry_failed_total',
];

function counter(
  name: string,
  help: string,
  points: readonly DataPoint<number>[],
  without: readonly string[] = [],
): Values {
  return { name, type: 'counter', help, points: values(points, without) };
}

function byStatus(point: DataPoint<Histogram>): DataPoint<number> {
  const { 'error.type': error, ...attributes } = point.attributes;
  const status = error === undefined ? 'success' : 'error';
  return { ...point, attributes: { ...attributes, status }, value: point.value.count };
}

function errors(point: DataPoint<Histogram>): DataPoint<number>[] {
  return point.attributes['error.type'] === undefined ? [] : [{ ...point, value: point.value.count }];
}
