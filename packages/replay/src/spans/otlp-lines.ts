import type { FlowSpans, RebuiltSpan } from './flow-spans.js';

/**
 * A flow in OpenTelemetry's JSON: each line is a request to a collector, and the lines are a file that its `otlpjsonfile` receiver reads
 * (https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/). The same flow always gives the same text.
 */
export function otlpLines(flow: FlowSpans): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at < flow.spans.length; at += PER_LINE)
    lines.push(JSON.stringify(requestOf(flow, flow.spans.slice(at, at + PER_LINE))));
  return lines;
}

/** Collectors limit how long a request may be. */
const PER_LINE = 1_000;

function requestOf({ traceId }: FlowSpans, spans: readonly RebuiltSpan[]): object {
  const services = [...new Set(spans.map(({ service }) => service))];
  return {
    resourceSpans: services.map((service) => ({
      resource: { attributes: attributesOf({ 'service.name': service }) },
      scopeSpans: [
        {
          scope: { name: '@backstory/replay' },
          spans: spans.filter((it) => it.service === service).map((it) => spanOf(traceId, it)),
        },
      ],
    })),
  };
}

function spanOf(traceId: string, span: RebuiltSpan): object {
  const { spanId, parentSpanId, name, kind, began, ended, attributes, moments, error } = span;
  return {
    traceId,
    spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanosOf(began),
    endTimeUnixNano: nanosOf(ended),
    attributes: attributesOf(attributes),
    events: moments.map((it) => ({
      timeUnixNano: nanosOf(it.at),
      name: it.name,
      attributes: attributesOf(it.attributes),
    })),
    status: error === undefined ? {} : { code: ERROR, message: error },
  };
}

/** https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto */
const KINDS: Readonly<Record<RebuiltSpan['kind'], number>> = { producer: 4, consumer: 5 };
const ERROR = 2;

/** 64-bit numbers are text in the JSON of Protocol Buffers. */
function nanosOf(ms: number): string {
  return String(BigInt(ms) * 1_000_000n);
}

function attributesOf(attributes: RebuiltSpan['attributes']): readonly object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));
}

function valueOf(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value };
  return typeof value === 'number' ? { intValue: String(value) } : { boolValue: value };
}
