import {
  ROOT_CONTEXT,
  context,
  isSpanContextValid,
  trace,
  type Attributes,
  type Context as OtelContext,
  type Span,
  type SpanContext,
  type SpanKind,
  type Tracer,
} from '@opentelemetry/api';
import { isTracingSuppressed, suppressTracing } from '@opentelemetry/core';
import { Context } from '@backstory/core';
import type { TraceContext } from '@backstory/core/observe';
import type { Passage } from '../passage.js';
import { fail } from './fail.js';
import { DECIDED, type FlowSampler } from './flow-sampler.js';
import { isSampled, readTrace, writeTrace } from './trace-context.js';

/** A span that is about to be. */
export interface NewSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  /** Where it comes from, beside its parent. */
  readonly links?: readonly SpanContext[];
}

/** Begins and ends spans, where their flow is traced; and where no tracer runs, none. */
export class Spans {
  constructor(
    private readonly tracer: Tracer,
    readonly sampler: FlowSampler,
  ) {}

  /** The span that is active, as it is stored with events. */
  get trace(): TraceContext | undefined {
    const active = activeSpan();
    return active && writeTrace(active);
  }

  /** What work would hang under that belongs to the flow that is active, or begins one; `undefined` where that is not traced. */
  place(correlationId: string | undefined): OtelContext | undefined {
    const active = context.active();
    const span = activeSpan();
    if (span) return isSampled(span) ? active : undefined;
    if (isTracingSuppressed(active)) return undefined;
    const { traceparent, tracestate, causationId } = Context.current().fields;
    const sent =
      traceparent === undefined ? undefined : readTrace({ traceparent, ...(tracestate && { tracestate }) });
    if (sent) return isSampled(sent) ? trace.setSpanContext(active, sent) : undefined;
    // What handles an event would be traced here, if its flow were.
    if (causationId !== undefined) return undefined;
    return this.sampler.takes(correlationId) ? active : undefined;
  }

  /** Where parts of something hang that is traced; `undefined` where it is not. */
  inside(): OtelContext | undefined {
    const span = activeSpan();
    return span && isSampled(span) ? context.active() : undefined;
  }

  /** Begins a span that the work of a passage runs in. */
  open(passage: AnyPassage, span: NewSpan, parent: OtelContext): void {
    const begun = this.start(span, parent, passage.began);
    // Without a tracer there is nothing to run in.
    if (!isSpanContextValid(begun.spanContext())) return;
    passage.span = begun;
    passage.context = trace.setSpan(parent, begun);
  }

  /** Ends the span of a passage. Failures make it an error, but for what is no error of whoever began it. */
  close({ span, hasFailed, error }: AnyPassage, attributes: Attributes): void {
    if (!span) return;
    span.setAttributes(attributes);
    if (hasFailed) fail(span, error);
    span.end();
  }

  /** A span of its own for what has happened already; from a failure in a flow that is not traced, say. */
  late(span: NewSpan, began: number, error?: unknown): Span | undefined {
    const made = this.start(span, ROOT_CONTEXT, began);
    if (error !== undefined) fail(made, error);
    made.end();
    return isSpanContextValid(made.spanContext()) ? made : undefined;
  }

  /** A span that goes on beside everything else. */
  start({ name, kind, attributes, links = [] }: NewSpan, parent: OtelContext, startTime?: number): Span {
    const options = {
      kind,
      attributes,
      links: links.map((linked) => ({ context: linked })),
      ...(startTime !== undefined && { startTime }),
    };
    return this.tracer.startSpan(name, options, parent.setValue(DECIDED, true));
  }
}

export type AnyPassage = Passage<unknown, unknown>;

/** Where nothing is traced, not even by others. */
export function untraced(): OtelContext {
  return suppressTracing(context.active());
}

function activeSpan(): SpanContext | undefined {
  const active = trace.getSpanContext(context.active());
  return active && isSpanContextValid(active) ? active : undefined;
}
