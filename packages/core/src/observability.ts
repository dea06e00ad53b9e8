/** What observes an application from its start to its close, and what an application measures of its own. */
export type {
  Observability,
  Watched,
  WatchedConsumer,
  WatchedKey,
  WatchedProjection,
  WatchedSubscription,
} from './observed-app.js';
export {
  checkedHealthOptions,
  healthFrom,
  healthOf,
  type Health,
  type HealthCheck,
  type HealthOptions,
  type HealthStatus,
} from './health.js';
export { ALERTS, alertsOf, type Alert, type AlertNote, type AlertStep } from './alerts.js';
export type {
  Analysing,
  Backtest,
  BacktestOptions,
  BacktestSource,
  PastAlert,
  RecordedOutcome,
} from './backtest.js';
export { inTime, type Late } from './in-time.js';
export { logGrowth, type LogGrowth } from './log-growth.js';
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
