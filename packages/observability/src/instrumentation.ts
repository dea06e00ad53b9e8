import { trace, type Meter, type Tracer } from '@opentelemetry/api';
import type { Observer } from '@backstory/core/observe';
import type { MetricProducer } from '@opentelemetry/sdk-metrics';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import {
  unmeasured,
  type HealthOptions,
  type Observability,
  type OwnMetrics,
  type Watched,
} from '@backstory/core/observability';
import { Analysis, type AnalysisOptions } from './analysis/analysis.js';
import type { Listener } from './listener.js';
import { Log, type Logger } from './logs/log.js';
import { logSettings, type LogOptions } from './logs/log-settings.js';
import { logging } from './logs/logging.js';
import type { Instrument } from './metrics/instrument.js';
import type { Counter } from './metrics/series.js';
import { MeasurementProducer, SCOPE } from './metrics/measurement-producer.js';
import { Measurements } from './metrics/measurements.js';
import { DeclaredMetrics } from './metrics/declared-metrics.js';
import { measuringEvents } from './metrics/measuring-events.js';
import { metering } from './metrics/metering.js';
import type { MetricFrom } from './metrics/metric-from.js';
import { Sampler } from './metrics/sampler.js';
import { History } from './monitor/history.js';
import { Monitor } from './monitor/monitor.js';
import { SlowestStreams } from './monitor/slowest-streams.js';
import { observerOf } from './observer-of.js';
import { FlowSampler } from './trace/flow-sampler.js';
import type { AsyncParents } from './trace/handling-spans.js';
import { Spans } from './trace/spans.js';
import { Tracing } from './trace/tracing.js';

/** What of an application becomes metrics and spans, and where they go. */
export interface InstrumentationOptions {
  /** Where spans go; `false`: there are none. Default: the tracer of the SDK that is registered with OpenTelemetry's API. */
  readonly tracer?: Tracer | false;
  /** Which flows are traced. Default: all. */
  readonly sampler?: FlowSampler;
  /** How the spans of a subscription hang together with where their event was made. Default: by a link. */
  readonly subscriptions?: AsyncParents;
  /** `false`: nothing is measured. Default `true`. */
  readonly metrics?: boolean;
  /** Metrics of your own that are made of events: `metricFrom(OrderPlaced, (e) => e.amount)`. */
  readonly own?: readonly MetricFrom[];
  /** Takes every measurement as well, one by one. `metricProducer` costs less. */
  readonly meter?: Meter;
  /** What is written to the log; `false`: nothing. Default `false`. */
  readonly logs?: LogOptions | false;
  /** The application's name in the log. Default `backstory`. */
  readonly serviceName?: string;
  /** How often to look how far behind consumers are, in milliseconds. Default 5,000. */
  readonly sampleEveryMs?: number;
  /** From when on a consumer is not well. */
  readonly health?: HealthOptions;
  /** What raises alerts; `{}`: the rules that are shipped. Default: nothing, until a rule is added. */
  readonly analysis?: AnalysisOptions;
}

/**
 * Makes an application's signals OpenTelemetry's: for one that has an SDK of its own, of which only the API is used.
 *
 * ```ts
 * const instrumentation = new Instrumentation();
 * const shop = defineBackstory({ name: 'shop', store: memory(), aggregates: [Order], observability: instrumentation });
 * ```
 */
export class Instrumentation implements Observability {
  readonly observer: Observer;
  /** Metrics of your own; an application has them as `app.metrics`. */
  readonly metrics: OwnMetrics;
  /** Writes lines of your own to the log. */
  readonly logger: Logger;
  /** For the readers of the SDK: `new PeriodicExportingMetricReader({ exporter, metricProducers: [it.metricProducer] })`. */
  readonly metricProducer: MetricProducer;
  /** Which flows are traced. */
  readonly sampler: FlowSampler;
  /** How the applications that are watched are doing. */
  readonly monitor: Monitor;
  /** What raises alerts: its rules and detectors. */
  readonly analysis: Analysis;
  private readonly log: Log;
  private readonly tracing: Tracing | undefined;
  private readonly sampling: Sampler;
  private readonly isSampling: boolean;
  private readonly apps = new Set<Watched>();
  private readonly drops: Instrument<Counter>;

  /** @throws InvalidOption */
  constructor(options: InstrumentationOptions = {}) {
    const {
      tracer = trace.getTracer(SCOPE),
      sampler = new FlowSampler(1),
      subscriptions,
      metrics = true,
      own = [],
      logs = false,
      serviceName = 'backstory',
      meter,
      sampleEveryMs = 5_000,
      health = {},
      analysis,
    } = knownOptions(options, OPTIONS);
    this.sampler = sampler;
    const measurements = new Measurements(meter);
    this.drops = measurements.counter('backstory.telemetry.dropped');
    // Of a series that begins with its first drop Prometheus sees no increase.
    if (metrics) for (const signal of SIGNALS) this.dropped(signal, 0);
    const ownCost = measurements.histogram('backstory.telemetry.self.duration');
    this.tracing = tracer === false ? undefined : new Tracing(new Spans(tracer, sampler), subscriptions);
    const lost = () => this.dropped('metrics', 1);
    this.metrics = metrics ? new DeclaredMetrics(measurements, lost) : unmeasured;
    const isProduction = process.env['NODE_ENV'] === 'production';
    const written = logSettings(logs || { enabled: false }, isProduction);
    this.log = new Log(written, serviceName, (lines) => this.dropped('logs', lines));
    this.logger = this.log.logger;
    const isTaken = (correlationId: string) => tracer === false && sampler.takes(correlationId);
    const slowest = new SlowestStreams();
    const listeners: readonly (Listener | undefined)[] = [
      this.tracing,
      metrics ? metering(measurements) : undefined,
      metrics ? measuringEvents(this.metrics, own, lost) : undefined,
      metrics ? slowest : undefined,
      written.enabled ? logging(this.log, isTaken) : undefined,
    ];
    this.observer = observerOf({
      listeners: listeners.filter((it) => it !== undefined),
      trace: () => this.tracing?.trace(),
      dropped: (signal) => this.dropped(signal, 1),
      took: (signal, seconds) => ownCost.at(signal).record(seconds),
    });
    this.metricProducer = new MeasurementProducer(measurements);
    const history = new History(measurements);
    this.sampling = new Sampler(measurements, { everyMs: sampleEveryMs, looked: () => history.turn() });
    this.monitor = new Monitor({ history, slowest, isMeasured: metrics, apps: () => this.apps }, health);
    this.analysis = new Analysis(
      {
        ...{ monitor: this.monitor, logger: this.logger, own, serviceName },
        observer: () => this.observer,
        dropped: (alerts) => this.dropped('alerts', alerts),
      },
      analysis,
    );
    this.isSampling = metrics;
  }

  /**
   * Measures how far the subscriptions and projections of a running application are behind, how many keys are parked, and what the
   * process takes: from what is stored, so that one that hangs cannot hide it; and has the monitor look at it. Gives a function that
   * ends it; call it before the application is closed.
   */
  watch(app: Watched): () => Promise<void> {
    this.apps.add(app);
    const end = this.isSampling ? this.sampling.watch(app) : undefined;
    const endAnalysis = this.analysis.watch(app);
    return async () => {
      this.apps.delete(app);
      await endAnalysis();
      await end?.();
    };
  }

  /** Counts what could not be delivered. */
  dropped(signal: (typeof SIGNALS)[number], count: number): void {
    this.drops.at(signal).add(count);
  }

  /** Opens the log. `defineBackstory({ observability })` calls it, and `shutdown`. */
  async start(): Promise<void> {
    this.log.start();
  }

  /** Opens the files of the log anew, after they were renamed; SIGHUP does it as well. */
  reopenLogs(): Promise<void> {
    return this.log.reopen();
  }

  /**
   * Ends what was begun, and spans that are open because what they are of goes on, and writes the rest of the log. Before the SDK is
   * shut down.
   */
  async shutdown(): Promise<void> {
    this.tracing?.close();
    await Promise.all([this.sampling.close(), this.log.close()]);
  }
}

const SIGNALS = ['metrics', 'traces', 'logs', 'alerts'] as const;
const OPTIONS: OptionNames<InstrumentationOptions> = {
  tracer: true,
  sampler: true,
  subscriptions: true,
  metrics: true,
  own: true,
  logs: true,
  serviceName: true,
  meter: true,
  sampleEveryMs: true,
  health: true,
  analysis: true,
};
