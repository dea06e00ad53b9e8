export { Instrumentation, type InstrumentationOptions } from './instrumentation.js';
export { FlowSampler } from './trace/flow-sampler.js';
export type { AsyncParents } from './trace/handling-spans.js';
export { metricFrom, type MetricFrom, type MetricFromOptions } from './metrics/metric-from.js';
export type { LogFields, Logger } from './logs/log.js';
export type { LogLevel, LogOptions } from './logs/log-settings.js';
export type { LogOutput } from './logs/log-output.js';
export { outgoingHeaders } from './outgoing-headers.js';
export {
  PrometheusReader,
  type MetricsServer,
  type MetricsServerOptions,
  type PrometheusReaderOptions,
} from './prometheus/prometheus-reader.js';
export { intoPromClient, type PromClientRegistry } from './prometheus/into-prom-client.js';
export type { Distribution, Distributions, Family, Labels, Values } from './prometheus/family.js';
export { ObservabilityManager } from './manager/observability-manager.js';
export type { MetricsOptions, ObservabilityOptions, TracingOptions } from './manager/settings.js';
export type { ForeignHandlerOptions, ForeignEventOptions } from './foreign/wrap-handler.js';
export type { ForeignBus, ForeignBusOptions } from './foreign/wrap-bus.js';
export { Traced, traced } from './methods/traced.js';
export { Monitored, monitored } from './methods/monitored.js';
export type { MethodDecoration, Wrap } from './methods/observed-method.js';
