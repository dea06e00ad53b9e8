import { DataPointType, type DataPoint, type Histogram, type MetricData } from '@opentelemetry/sdk-metrics';
import { derivedFrom } from './derived.js';
import { labelsOf, values, type Distribution, type Distributions, type Family } from './family.js';
import { prometheusName } from './names.js';

/** The families of what was collected, in its order; of two with one name the first. */
export function familiesOf(collected: readonly MetricData[]): readonly Family[] {
  const byName = new Map<string, Family>();
  for (const data of collected) {
    const own = familyOf(data);
    for (const family of own ? [own, ...derivedFrom(data)] : [])
      if (!byName.has(family.name)) byName.set(family.name, family);
  }
  return [...byName.values()];
}

/** Exponential histograms have no bounds that text could name. */
function familyOf(data: MetricData): Family | undefined {
  const { descriptor, dataPointType } = data;
  const isCounter = dataPointType === DataPointType.SUM && data.isMonotonic;
  const { name, without } = prometheusName(descriptor.name, descriptor.unit, isCounter);
  const help = descriptor.description || `${descriptor.name} of OpenTelemetry.`;
  if (dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return undefined;
  if (dataPointType === DataPointType.HISTOGRAM)
    return { name, type: 'histogram', help, points: distributions(data.dataPoints, without) };
  return { name, type: isCounter ? 'counter' : 'gauge', help, points: values(data.dataPoints, without) };
}

function distributions(
  points: readonly DataPoint<Histogram>[],
  without: readonly string[],
): Distributions['points'] {
  const found = new Map<string, Distribution & { counts: number[]; sum: number }>();
  for (const { attributes, value } of points) {
    const labels = labelsOf(attributes, without);
    const { boundaries: bounds, counts } = value.buckets;
    const key = JSON.stringify(labels);
    const same = found.get(key) ?? { labels, bounds, counts: counts.map(() => 0), sum: 0 };
    same.counts = same.counts.map((count, i) => count + (counts[i] ?? 0));
    same.sum += value.sum ?? 0;
    found.set(key, same);
  }
  return [...found.values()];
}
