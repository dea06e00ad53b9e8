import type { IncomingMessage, ServerResponse } from 'node:http';
import { context, metrics as otelMetrics, propagation, trace, type Tracer } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { inTime, type Observability, type OwnMetrics, type Watched } from '@backstory/core/observability';
import type { Observer } from '@backstory/core/observe';
import type { Analysis } from '../analysis/analysis.js';
import { wrapBus, type ForeignBus, type ForeignBusOptions } from '../foreign/wrap-bus.js';
import { wrapHandler, type ForeignHandlerOptions } from '../foreign/wrap-handler.js';
import { Instrumentation } from '../instrumentation.js';
import type { Logger } from '../logs/log.js';
import type { Monitor } from '../monitor/monitor.js';
import { SCOPE } from '../metrics/measurement-producer.js';
import { PrometheusReader, type MetricsServer } from '../prometheus/prometheus-reader.js';
import { FlowSampler } from '../trace/flow-sampler.js';
import { CountedExport } from './counted-export.js';
import { metricExporter, spanExporter } from './exporters.js';
import { LateTracer } from './late-tracer.js';
import { ENVIRONMENT, settingsOf, type ObservabilityOptions, type Settings } from './settings.js';

/**
 * Everything there is to observing an application that has no OpenTelemetry SDK of its own: what it is told goes to Prometheus, to a
 * collector, to Zipkin or to the console.
 *
 * Making one does nothing yet, so that what only reads an application's definition serves and sends nothing; `start` does.
 */
export class ObservabilityManager implements Observability {
  readonly observer: Observer;
  /** Metrics of your own; an application has them as `app.metrics`. */
  readonly metrics: OwnMetrics;
  /** Writes lines of your own to the log. */
  readonly logger: Logger;
  /** How the applications are doing; `/health` beside `/metrics` says it too. */
  readonly monitor: Monitor;
  /** What raises alerts: its rules and detectors. */
  readonly analysis: Analysis;
  /** Answers a request for metrics, in a server that you have. */
  readonly metricsHandler: (request: IncomingMessage, response: ServerResponse) => void;
  private readonly settings: Settings;
  private readonly instrumentation: Instrumentation;
  private readonly tracer = new LateTracer();
  /** Ends what was registered with the API: that of others is theirs. */
  private readonly registered: (() => void)[] = [];
  private prometheus: PrometheusReader;
  private tracerProvider: BasicTracerProvider | undefined;
  private meterProvider: MeterProvider | undefined;
  private server: MetricsServer | undefined;
  private starting: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;

  /** @throws InvalidOption */
  constructor(options: ObservabilityOptions = {}) {
    this.settings = settingsOf(options, process.env);
    const { metrics, tracing, logs, serviceName } = this.settings;
    this.instrumentation = new Instrumentation({
      tracer: tracing.enabled && this.tracer,
      sampler: new FlowSampler(tracing.sampleRate),
      metrics: metrics.enabled,
      own: metrics.own,
      logs,
      serviceName,
      sampleEveryMs: metrics.sampleEveryMs,
      health: this.settings.health,
      ...(this.settings.analysis && { analysis: this.settings.analysis }),
      ...(tracing.subscriptions && { subscriptions: tracing.subscriptions }),
    });
    this.observer = this.instrumentation.observer;
    this.metrics = this.instrumentation.metrics;
    this.logger = this.instrumentation.logger;
    this.monitor = this.instrumentation.monitor;
    this.analysis = this.instrumentation.analysis;
    this.prometheus = this.reader();
    this.metricsHandler = (request, response) => this.prometheus.handler(request, response);
  }

  /** The port on which metrics are served, where they are. */
  get metricsPort(): number | undefined {
    return this.server?.port;
  }

  /**
   * Begins to serve and to send; `defineBackstory({ observability })` calls it. Calling it again waits for the same. Rejects where the
   * port of metrics is taken.
   */
  start(): Promise<void> {
    return (this.starting ??= this.begin());
  }

  /** Has an application measured and monitored. Gives a function that ends it, before the app is closed. */
  watch(app: Watched): () => Promise<void> {
    return this.instrumentation.watch(app);
  }

  /** Opens the files of the log anew, after they were renamed; SIGHUP does it as well. */
  reopenLogs(): Promise<void> {
    return this.instrumentation.reopenLogs();
  }

  /** A handler of something else than Backstory, observed like one of ours. */
  wrapHandler<Event, Rest extends unknown[], Result>(
    handler: (event: Event, ...rest: Rest) => Result | Promise<Result>,
    options: ForeignHandlerOptions<Event>,
  ): (event: Event, ...rest: Rest) => Promise<Result> {
    return wrapHandler(this.observer, handler, { source: this.settings.serviceName, ...options });
  }

  /** A bus that is not ours: what it publishes and the handlers that subscribe to it are observed. */
  wrapBus<Bus extends ForeignBus>(bus: Bus, options: ForeignBusOptions = {}): Bus {
    return wrapBus(this.observer, bus, { source: this.settings.serviceName, ...options });
  }

  /** Sends what is left, for `shutdownTimeoutMs` at most, and ends everything. Never rejects: the application is ending. */
  shutdown(): Promise<void> {
    const { starting, stopping } = this;
    if (stopping && !starting) return stopping;
    this.starting = undefined;
    return (this.stopping = this.end(starting));
  }

  private async begin(): Promise<void> {
    await this.stopping;
    await this.instrumentation.start();
    const { metrics, tracing } = this.settings;
    if (tracing.enabled) this.beginTracing();
    if (!metrics.enabled) return;
    // A reader reads one provider, and both end with a shutdown.
    this.prometheus = this.reader();
    this.meterProvider = new MeterProvider({
      resource: this.resource(),
      readers: [this.prometheus, ...this.senders()],
    });
    if (otelMetrics.setGlobalMeterProvider(this.meterProvider))
      this.registered.push(() => otelMetrics.disable());
    if (metrics.exporter !== 'prometheus') return;
    const { port, host } = metrics;
    const { healthHandler } = this.monitor;
    this.server = await this.prometheus.listen({ port, healthHandler, ...(host !== undefined && { host }) });
  }

  /** Registered with the API as well, so that what instruments HTTP servers and databases is part of the flow. */
  private beginTracing(): void {
    const { tracing } = this.settings;
    const dropped = (spans: number) => this.instrumentation.dropped('traces', spans);
    this.tracerProvider = new BasicTracerProvider({
      resource: this.resource(),
      sampler: this.instrumentation.sampler,
      spanProcessors: [new CountedExport(spanExporter(tracing), dropped)],
    });
    if (context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()))
      this.registered.push(() => context.disable());
    if (propagation.setGlobalPropagator(new W3CTraceContextPropagator()))
      this.registered.push(() => propagation.disable());
    if (trace.setGlobalTracerProvider(this.tracerProvider)) this.registered.push(() => trace.disable());
    const tracer: Tracer = this.tracerProvider.getTracer(SCOPE);
    this.tracer.begin(tracer);
  }

  private senders(): readonly PeriodicExportingMetricReader[] {
    const { exporter, exportEveryMs } = this.settings.metrics;
    if (exporter !== 'otlp') return [];
    return [
      new PeriodicExportingMetricReader({
        exporter: metricExporter(() => this.instrumentation.dropped('metrics', 1)),
        exportIntervalMillis: exportEveryMs,
        exportTimeoutMillis: Math.min(exportEveryMs, 30_000),
        metricProducers: [this.instrumentation.metricProducer],
      }),
    ];
  }

  private resource() {
    const { serviceName, serviceVersion, environment } = this.settings;
    return resourceFromAttributes({
      'service.name': serviceName,
      ...(serviceVersion !== undefined && { 'service.version': serviceVersion }),
      [ENVIRONMENT]: environment,
    });
  }

  private async end(starting: Promise<void> | undefined): Promise<void> {
    await starting?.catch(() => undefined);
    const flushing = Promise.allSettled([
      this.instrumentation.shutdown(),
      this.server?.close(),
      this.tracerProvider?.shutdown(),
      this.meterProvider?.shutdown(),
    ]);
    await inTime<unknown>(this.settings.shutdownTimeoutMs, flushing, { instead: undefined });
    this.tracer.end();
    for (const undo of this.registered.splice(0)) undo();
    this.server = this.tracerProvider = this.meterProvider = undefined;
  }

  private reader(): PrometheusReader {
    return new PrometheusReader({ metricProducers: [this.instrumentation.metricProducer] });
  }
}
