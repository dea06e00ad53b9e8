import type { MetricSignal } from './metric-signal.js';
import { sampledMetrics } from './sampled-metrics.js';
import { seamMetrics } from './seam-metrics.js';

/** Every metric that Backstory reports, in the order in which the reference lists them. */
export const metrics: readonly MetricSignal[] = [...seamMetrics, ...sampledMetrics];
