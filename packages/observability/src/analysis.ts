/** What `observability.analysis` does: rules and detectors, what they look at, and the alerts that they raise. */
export type { Analysis, AnalysisOptions } from './analysis/analysis.js';
export type { AlertChange } from './analysis/alert-state.js';
export type { AlertmanagerOptions } from './analysis/alertmanager.js';
export type { RuleStatus } from './analysis/evaluation.js';
export type { AlertRule, AnomalyDetector, WatchedValue } from './analysis/rule.js';
export type { Severity, SeverityChoice } from './analysis/severity.js';
export { SHIPPED_RULES } from './analysis/shipped-rules.js';
export type { Condition, Judge, Sample, Verdict } from './analysis/verdict.js';
export {
  each,
  failureShare,
  stat,
  type FailureOptions,
  type Look,
  type StatisticName,
  type Value,
  type ValueOptions,
  type Values,
} from './analysis/value.js';
export {
  ewma,
  forecast,
  mad,
  sigma,
  silence,
  threshold,
  trend,
  type DeviationOptions,
  type EwmaOptions,
  type ForecastOptions,
  type TrendOptions,
} from './analysis/detectors.js';
export { AlertEscalated, AlertRaised, AlertResolved, AlertSuppressed } from './analysis/alert-events.js';
