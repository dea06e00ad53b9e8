import { context, type SpanContext } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { FlowSampler, Instrumentation, type InstrumentationOptions } from '@backstory/observability';

/** A tracer of the real SDK that keeps what it exports, and an application's instrumentation with it. Ended by `close`. */
export function tracing(rate: number, options: InstrumentationOptions = {}) {
  const exporter = new InMemorySpanExporter();
  const sampler = new FlowSampler(rate);
  const provider = new BasicTracerProvider({
    sampler,
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const tracer = provider.getTracer('test');
  const instrumentation = new Instrumentation({ tracer, sampler, ...options });
  return {
    tracer,
    instrumentation,
    observer: instrumentation.observer,
    get spans(): readonly ReadableSpan[] {
      return exporter.getFinishedSpans();
    },
    named(name: string): readonly ReadableSpan[] {
      return exporter.getFinishedSpans().filter((it) => it.name === name);
    },
    async close(): Promise<void> {
      await instrumentation.shutdown();
      await provider.shutdown();
      context.disable();
    },
  };
}

/** Spans that others point at and nobody exported. */
export function dangling(spans: readonly ReadableSpan[]): readonly string[] {
  const known = new Set(spans.map((it) => idOf(it.spanContext())));
  return spans.flatMap((span) =>
    pointedAt(span)
      .filter((id) => !known.has(id))
      .map((id) => `${span.name} -> ${id}`),
  );
}

/** The spans that hang together, by parents and links, with the first of them; in one list for each that does not. */
export function connected(spans: readonly ReadableSpan[]): readonly (readonly string[])[] {
  const groups = new Map<string, Set<ReadableSpan>>();
  for (const span of spans) {
    const own = new Set([span]);
    for (const id of [idOf(span.spanContext()), ...pointedAt(span)]) {
      for (const it of groups.get(id) ?? []) own.add(it);
    }
    for (const it of own) for (const id of [idOf(it.spanContext()), ...pointedAt(it)]) groups.set(id, own);
  }
  return [...new Set(groups.values())].map((group) => [...group].map(({ name }) => name));
}

function pointedAt({ parentSpanContext, links }: ReadableSpan): readonly string[] {
  return [parentSpanContext, ...links.map((link) => link.context)].flatMap((it) => (it ? [idOf(it)] : []));
}

function idOf({ traceId, spanId }: SpanContext): string {
  return `${traceId}-${spanId}`;
}
