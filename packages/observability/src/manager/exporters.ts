import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import { ExportResultCode } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { ZipkinExporter } from '@opentelemetry/exporter-zipkin';
import { ConsoleSpanExporter, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Settings } from './settings.js';

/** Where spans go. */
export function spanExporter({ exporter, url }: Settings['tracing']): SpanExporter {
  const at = url === undefined ? {} : { url };
  if (typeof exporter === 'object') return exporter;
  if (exporter === 'otlp') return new OTLPTraceExporter(at);
  if (exporter === 'zipkin') return new ZipkinExporter(at);
  return new ConsoleSpanExporter();
}

/** Sends metrics to a collector, and counts what it does not take. */
export function metricExporter(dropped: () => void): PushMetricExporter {
  const exporter = new OTLPMetricExporter();
  const send = exporter.export.bind(exporter);
  exporter.export = (metrics, done) =>
    send(metrics, (result) => {
      if (result.code !== ExportResultCode.SUCCESS) dropped();
      done({ code: ExportResultCode.SUCCESS });
    });
  return exporter;
}
