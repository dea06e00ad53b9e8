import { DataPointType, type DataPoint, type Histogram, type MetricData } from '@opentelemetry/sdk-metrics';
import { values, type Values } from './family.js';

const HELP = {
  events_handled_total: 'Attempts of handlers, by status.',
  events_handling_errors_total: 'Attempts of handlers that failed.',
  events_storage_errors_total: 'Appends that failed.',
  events_retry_failed_total: 'Attempts after the first that failed.',
} as const;

/** Counters that the durations hold already: how many, by status, and how many of each kind of error. They cost nothing to count. */
export function derivedFrom(data: MetricData): readonly Values[] {
  const { name } = data.descriptor;
  if (data.dataPointType === DataPointType.HISTOGRAM) {
    const points = data.dataPoints;
    if (name === 'backstory.process.duration')
      return [
        counter('events_handled_total', points.map(byStatus)),
        counter('events_handling_errors_total', points.flatMap(errors)),
      ];
    if (name === 'backstory.append.duration')
      return [counter('events_storage_errors_total', points.flatMap(errors))];
  }
  if (name === 'backstory.retry.attempts' && data.dataPointType === DataPointType.SUM) {
    const failed = data.dataPoints.filter(({ attributes }) => attributes['outcome'] === 'failure');
    return [counter('events_retry_failed_total', failed, ['outcome'])];
  }
  return [];
}

/** What those are, for what is generated from them. */
export const DERIVED: readonly {
  readonly name: string;
  /** The instrument that holds them. */
  readonly of: string;
  readonly labels: readonly string[];
  readonly help: string;
}[] = [
  row('events_handled_total', 'backstory.process.duration', ['event_type', 'handler', 'status']),
  row('events_handling_errors_total', 'backstory.process.duration', ['event_type', 'handler', 'error_type']),
  row('events_storage_errors_total', 'backstory.append.duration', ['aggregate_type', 'error_type']),
  row('events_retry_failed_total', 'backstory.retry.attempts', ['event_type', 'handler']),
];

function row(name: keyof typeof HELP, of: string, labels: readonly string[]) {
  return { name, of, labels, help: HELP[name] };
}

function counter(
  name: keyof typeof HELP,
  points: readonly DataPoint<number>[],
  without: readonly string[] = [],
): Values {
  return { name, type: 'counter', help: HELP[name], points: values(points, without) };
}

function byStatus(point: DataPoint<Histogram>): DataPoint<number> {
  const { 'error.type': error, ...attributes } = point.attributes;
  const status = error === undefined ? 'success' : 'error';
  return { ...point, attributes: { ...attributes, status }, value: point.value.count };
}

function errors(point: DataPoint<Histogram>): DataPoint<number>[] {
  return point.attributes['error.type'] === undefined ? [] : [{ ...point, value: point.value.count }];
}
