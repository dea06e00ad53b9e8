import type { Distribution, Family, Labels } from './family.js';
import type { PrometheusReader } from './prometheus-reader.js';

/** What is needed of a registry of prom-client. */
export interface PromClientRegistry {
  getSingleMetric(name: string): unknown;
  registerMetric(metric: never): void;
}

/**
 * Has a registry of prom-client give our metrics with its own. What was measured for the first time later on is added by calling it
 * again.
 */
export async function intoPromClient(reader: PrometheusReader, registry: PromClientRegistry): Promise<void> {
  for (const { name, type, help } of await reader.families()) {
    if (registry.getSingleMetric(name) !== undefined) continue;
    const get = async () => {
      const family = (await reader.families()).find((it) => it.name === name);
      return { name, help, type, aggregator: 'sum', values: family ? valuesOf(family) : [] };
    };
    registry.registerMetric({ name, help, type, aggregator: 'sum', get, reset: () => undefined } as never);
  }
}

interface Value {
  readonly labels: Labels;
  readonly value: number;
  readonly metricName?: string;
}

function valuesOf(family: Family): readonly Value[] {
  if (family.type !== 'histogram') return family.points;
  return family.points.flatMap((point) => bucketValues(family.name, point));
}

function bucketValues(name: string, { labels, bounds, counts, sum }: Distribution): readonly Value[] {
  let below = 0;
  const buckets = counts.map((count, i) => {
    below += count;
    return {
      labels: { le: String(bounds[i] ?? '+Inf'), ...labels },
      value: below,
      metricName: `${name}_bucket`,
    };
  });
  return [
    ...buckets,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: below, metricName: `${name}_count` },
  ];
}
