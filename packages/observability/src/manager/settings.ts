import { checkedHealthOptions, type HealthOptions } from '@backstory/core/observability';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { InvalidOption, knownOptions, numberOption, type OptionNames } from '@backstory/core/store';
import type { AnalysisOptions } from '../analysis/analysis.js';
import { logSettings, type LogOptions, type LogSettings } from '../logs/log-settings.js';
import type { MetricFrom } from '../metrics/metric-from.js';
import { oneOf } from '../one-of.js';
import type { AsyncParents } from '../trace/handling-spans.js';

/** What is observed of an application, and where it goes. What is not given is taken from `OTEL_*` variables. */
export interface ObservabilityOptions {
  /** `OTEL_SERVICE_NAME`. */
  readonly serviceName?: string;
  readonly serviceVersion?: string;
  /** `production`, `development` … Default: `deployment.environment.name` in `OTEL_RESOURCE_ATTRIBUTES`, NODE_ENV, `development`. */
  readonly environment?: string;
  readonly metrics?: MetricsOptions;
  readonly tracing?: TracingOptions;
  readonly logs?: LogOptions;
  /** From when on a consumer is not well. */
  readonly health?: HealthOptions;
  /** What raises alerts; `{}`: the rules that are shipped. Default: nothing, until a rule is added. */
  readonly analysis?: AnalysisOptions;
  /** How long `shutdown` waits for what is still to be sent, in milliseconds. Default 5,000. */
  readonly shutdownTimeoutMs?: number;
}

/** Which metrics there are and who gets them. */
export interface MetricsOptions {
  /** Default `true`. */
  readonly enabled?: boolean;
  /**
   * `prometheus`: served for scraping; `otlp`: sent to a collector; `none`: kept for `metricsHandler` only. `OTEL_METRICS_EXPORTER`,
   * default `prometheus`.
   */
  readonly exporter?: 'prometheus' | 'otlp' | 'none';
  /** Where `/metrics` is served. `OTEL_EXPORTER_PROMETHEUS_PORT`, default 9,464; 0 is any that is free. */
  readonly port?: number;
  /** `OTEL_EXPORTER_PROMETHEUS_HOST`. Default: all addresses. */
  readonly host?: string;
  /** How often to send to a collector, in milliseconds. `OTEL_METRIC_EXPORT_INTERVAL`, default 60,000. */
  readonly exportEveryMs?: number;
  /** How often to look how far behind consumers are, in milliseconds. Default 5,000. */
  readonly sampleEveryMs?: number;
  /** Metrics of your own that are made of events: `metricFrom(OrderPlaced, (e) => e.amount)`. */
  readonly own?: readonly MetricFrom[];
}

/** Which flows are traced and who gets their spans. */
export interface TracingOptions {
  /** Default `true`. */
  readonly enabled?: boolean;
  /** `otlp` is understood by collectors and by Jaeger. `OTEL_TRACES_EXPORTER`, default `otlp`. */
  readonly exporter?: 'otlp' | 'zipkin' | 'console' | SpanExporter;
  /** The exporter's URL. Default: what its `OTEL_EXPORTER_…_ENDPOINT` says, else on this machine. */
  readonly url?: string;
  /** The share of the flows that are traced, 0 to 1. `OTEL_TRACES_SAMPLER_ARG`, default 0.1 in production, else 1. */
  readonly sampleRate?: number;
  /** How the spans of a subscription hang together with where their event was made. Default: by a link. */
  readonly subscriptions?: AsyncParents;
}

/** Every setting, as it is. */
export interface Settings {
  readonly serviceName: string;
  readonly serviceVersion: string | undefined;
  readonly environment: string;
  readonly metrics: Required<Omit<MetricsOptions, 'host'>> & Pick<MetricsOptions, 'host'>;
  readonly tracing: Required<Omit<TracingOptions, 'url' | 'subscriptions'>> &
    Pick<TracingOptions, 'url' | 'subscriptions'>;
  readonly logs: LogSettings;
  readonly health: HealthOptions;
  readonly analysis: AnalysisOptions | undefined;
  readonly shutdownTimeoutMs: number;
}

type Env = Readonly<Record<string, string | undefined>>;

/** What was given, else what the environment says, else what is usual. @throws InvalidOption */
export function settingsOf(options: ObservabilityOptions, env: Env): Settings {
  const {
    serviceName,
    serviceVersion,
    environment,
    metrics = {},
    tracing = {},
    logs = {},
    health = {},
    analysis,
    shutdownTimeoutMs = 5_000,
  } = knownOptions(options, OPTIONS);
  const resource = resourceIn(env);
  const name = serviceName ?? env['OTEL_SERVICE_NAME'] ?? resource.get('service.name');
  if (!name)
    throw new InvalidOption('serviceName', "is missing: { serviceName: 'shop' } or OTEL_SERVICE_NAME.");
  const where = environment ?? resource.get(ENVIRONMENT) ?? env['NODE_ENV'] ?? 'development';
  const isOff = env['OTEL_SDK_DISABLED'] === 'true';
  return {
    serviceName: name,
    serviceVersion: serviceVersion ?? resource.get('service.version'),
    environment: where,
    metrics: metricsSettings(knownOptions(metrics, METRICS), env, isOff),
    tracing: tracingSettings(knownOptions(tracing, TRACING), {
      env,
      isOff,
      isProduction: where === 'production',
    }),
    logs: logSettings(logs, where === 'production'),
    health: checkedHealthOptions(health),
    analysis,
    shutdownTimeoutMs: numberOption('shutdownTimeoutMs', shutdownTimeoutMs, 0, 2 ** 31 - 1),
  };
}

export const ENVIRONMENT = 'deployment.environment.name';

function metricsSettings(given: MetricsOptions, env: Env, isOff: boolean): Settings['metrics'] {
  const exporter = given.exporter ?? env['OTEL_METRICS_EXPORTER'] ?? 'prometheus';
  const port = given.port ?? numberIn(env, 'OTEL_EXPORTER_PROMETHEUS_PORT') ?? 9_464;
  const every = given.exportEveryMs ?? numberIn(env, 'OTEL_METRIC_EXPORT_INTERVAL') ?? 60_000;
  const host = given.host ?? env['OTEL_EXPORTER_PROMETHEUS_HOST'];
  return {
    enabled: given.enabled ?? !isOff,
    own: given.own ?? [],
    exporter: oneOf('metrics.exporter', exporter, ['prometheus', 'otlp', 'none']),
    port: numberOption('metrics.port', port, 0, 65_535),
    exportEveryMs: numberOption('metrics.exportEveryMs', every, 100, 2 ** 31 - 1),
    sampleEveryMs: numberOption('metrics.sampleEveryMs', given.sampleEveryMs ?? 5_000, 10, 2 ** 31 - 1),
    ...(host !== undefined && { host }),
  };
}

function tracingSettings(
  given: TracingOptions,
  {
    env,
    isOff,
    isProduction,
  }: { readonly env: Env; readonly isOff: boolean; readonly isProduction: boolean },
): Settings['tracing'] {
  const named = given.exporter ?? env['OTEL_TRACES_EXPORTER'] ?? 'otlp';
  const isNone = named === 'none';
  const exporter =
    typeof named === 'object'
      ? named
      : oneOf('tracing.exporter', isNone ? 'otlp' : named, ['otlp', 'zipkin', 'console']);
  const usual = isProduction ? 0.1 : 1;
  const rate = given.sampleRate ?? numberIn(env, 'OTEL_TRACES_SAMPLER_ARG') ?? usual;
  const { url, subscriptions } = given;
  return {
    enabled: given.enabled ?? (!isOff && !isNone),
    exporter,
    sampleRate: numberOption('tracing.sampleRate', rate, 0, 1),
    ...(url !== undefined && { url }),
    ...(subscriptions && { subscriptions }),
  };
}

function numberIn(env: Env, name: string): number | undefined {
  const text = env[name];
  return text === undefined || text === '' ? undefined : Number(text);
}

/** `service.version=1.4.0,deployment.environment.name=production` */
function resourceIn(env: Env): ReadonlyMap<string, string> {
  const pairs = (env['OTEL_RESOURCE_ATTRIBUTES'] ?? '').split(',').map((pair) => pair.split('='));
  return new Map(
    pairs.flatMap(([name, value]) => (name && value ? [[name.trim(), value.trim()] as const] : [])),
  );
}

const OPTIONS: OptionNames<ObservabilityOptions> = {
  serviceName: true,
  serviceVersion: true,
  environment: true,
  metrics: true,
  tracing: true,
  logs: true,
  health: true,
  analysis: true,
  shutdownTimeoutMs: true,
};
const METRICS: OptionNames<MetricsOptions> = {
  enabled: true,
  exporter: true,
  port: true,
  host: true,
  exportEveryMs: true,
  sampleEveryMs: true,
  own: true,
};
const TRACING: OptionNames<TracingOptions> = {
  enabled: true,
  exporter: true,
  url: true,
  sampleRate: true,
  subscriptions: true,
};
