/** What observes an application from its start to its close, and what an application measures of its own. */
export type {
  Observability,
  Watched,
  WatchedConsumer,
  WatchedKey,
  WatchedSubscription,
} from './observed-app.js';
export {
  unmeasured,
  type OwnCounter,
  type OwnGauge,
  type OwnHistogram,
  type OwnHistogramOptions,
  type OwnMetricOptions,
  type OwnMetrics,
  type OwnMetricValues,
} from './own-metrics.js';
