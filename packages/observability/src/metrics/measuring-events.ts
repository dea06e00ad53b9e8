import type { OwnMetrics, OwnMetricValues } from '@backstory/core/observability';
import type { RecordEnd, RecordStart } from '@backstory/core/observe';
import type { Listener } from '../listener.js';
import type { Passage } from '../passage.js';
import type { MetricFrom } from './metric-from.js';

/** Measures what events say, when they are recorded; what was recorded before was measured then. */
export function measuringEvents(
  metrics: OwnMetrics,
  sources: readonly MetricFrom[],
  dropped: () => void,
): Listener | undefined {
  if (sources.length === 0) return undefined;
  const byType = new Map<string, Measure[]>();
  for (const source of sources) {
    const { name } = source.type;
    byType.set(name, [...(byType.get(name) ?? []), measureOf(metrics, source)]);
  }
  const record = ({ start, end, hasFailed }: Passage<RecordStart, RecordEnd>): void => {
    if (hasFailed || end?.repeated) return;
    for (const { stream, events } of start.writes)
      for (const event of events)
        for (const measure of byType.get(event.type) ?? []) attempt(() => measure(stream, event), dropped);
  };
  return { signal: 'metrics', begins: {}, ends: { record }, told: {} };
}

type Given = RecordStart['writes'][number]['events'][number];
type Measure = (stream: string, event: Given) => void;

function measureOf(metrics: OwnMetrics, source: MetricFrom): Measure {
  const { name, kind, options, type } = source;
  const take = takerOf(metrics, kind, name, options);
  return (stream, { data, schemaVersion = type.version }) => {
    const measured = source.measure(type.decode({ data, schemaVersion, stream }));
    if (measured) take(measured.value, measured.by);
  };
}

function takerOf(
  metrics: OwnMetrics,
  kind: MetricFrom['kind'],
  name: string,
  { buckets, ...options }: MetricFrom['options'],
): (value: number, by: OwnMetricValues<string>) => void {
  if (kind === 'counter') {
    const counter = metrics.counter(name, options);
    return (value, by) => counter.add(value, by);
  }
  const histogram = metrics.histogram(name, { ...options, ...(buckets && { buckets }) });
  return (value, by) => histogram.record(value, by);
}

/** One that cannot be measured keeps none of the others from it. */
function attempt(measure: () => void, dropped: () => void): void {
  try {
    measure();
  } catch {
    dropped();
  }
}
