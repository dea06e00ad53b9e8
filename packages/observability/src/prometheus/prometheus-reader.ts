import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MetricReader, type MetricProducer } from '@opentelemetry/sdk-metrics';
import type { Resource } from '@opentelemetry/resources';
import { CONTENT_TYPES, expose, formatFor, type Format } from './exposition.js';
import { familiesOf } from './families.js';
import { labelsOf, type Family } from './family.js';

/** What a reader for Prometheus collects beside the instruments of its meter provider. */
export interface PrometheusReaderOptions {
  readonly metricProducers?: readonly MetricProducer[];
}

/** Where metrics are served, and what beside them. */
export interface MetricsServerOptions {
  /** Default 9,464; 0 is any that is free. */
  readonly port?: number;
  /** Default: all addresses. */
  readonly host?: string;
  /** Answers requests for `/health` and what is below it: `monitor.healthHandler`. */
  readonly healthHandler?: (request: IncomingMessage, response: ServerResponse) => void;
}

/** An endpoint that Prometheus scrapes. */
export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Gives what was measured to Prometheus, in text or as OpenMetrics, under names of its own table:
 *
 * ```ts
 * const reader = new PrometheusReader({ metricProducers: [instrumentation.metricProducer] });
 * const provider = new MeterProvider({ readers: [reader] });
 * const server = createServer(reader.handler);
 * ```
 */
export class PrometheusReader extends MetricReader {
  /** Answers a request for metrics: for `node:http`, Express, and whatever takes both. */
  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    void this.answer(request, response);
  };

  constructor({ metricProducers = [] }: PrometheusReaderOptions = {}) {
    super({ metricProducers: [...metricProducers] });
  }

  /** The metrics as text, in the form that an `Accept` header asks for. */
  async metrics(accept?: string): Promise<{ readonly contentType: string; readonly body: string }> {
    const format: Format = formatFor(accept);
    return { contentType: CONTENT_TYPES[format], body: expose(await this.families(), format) };
  }

  /** Every metric with its series, as Prometheus has them. */
  async families(): Promise<readonly Family[]> {
    const { resourceMetrics } = await this.collect();
    const target = targetOf(resourceMetrics.resource);
    return [...target, ...familiesOf(resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics))];
  }

  /** Serves `/metrics`, for a process that has no server of its own; beside it `/health`. Rejects where the port is taken. */
  async listen({ port = 9_464, host, healthHandler }: MetricsServerOptions = {}): Promise<MetricsServer> {
    const server = createServer((request, response) => {
      const path = request.url ?? '';
      if (/^\/metrics(\?|$)/.test(path)) this.handler(request, response);
      else if (healthHandler && /^\/health(\/|\?|$)/.test(path)) healthHandler(request, response);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    // The application decides when its process ends.
    server.unref();
    const close = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    return { port: (server.address() as AddressInfo).port, close };
  }

  protected async onShutdown(): Promise<void> {}

  protected async onForceFlush(): Promise<void> {}

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { contentType, body } = await this.metrics(request.headers.accept);
      response.writeHead(200, { 'content-type': contentType }).end(body);
    } catch (error) {
      response.writeHead(503, { 'content-type': 'text/plain' }).end(`No metrics: ${String(error)}\n`);
    }
  }
}

/** What runs here, as OpenTelemetry says it to Prometheus. */
function targetOf({ attributes }: Resource): readonly Family[] {
  const labels = labelsOf(attributes);
  if (Object.keys(labels).length === 0) return [];
  const help = 'The application, as OpenTelemetry describes it.';
  return [{ name: 'target_info', type: 'gauge', help, points: [{ labels, value: 1 }] }];
}
