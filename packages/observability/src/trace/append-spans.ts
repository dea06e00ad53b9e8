import { SpanKind, type Span } from '@opentelemetry/api';
import { Context } from '@backstory/core';
import type { AppendBatch, RecordEnd, RecordStart } from '@backstory/core/observe';
import { isSystemStream } from '@backstory/core/store';
import { aggregateType } from '../aggregate-type.js';
import type { Passage } from '../passage.js';
import { flowAttributes, linksTo, messagingAttributes } from './attributes.js';
import type { Spans } from './spans.js';
import { readTrace } from './trace-context.js';

/** Spans of appends, in which events are made, and of the batches in which they are committed. */
export class AppendSpans {
  /** Under way, for their batch to say which it was. */
  private readonly open = new Map<string, Span>();

  constructor(private readonly spans: Spans) {}

  beginRecord(passage: Passage<RecordStart, RecordEnd>): void {
    const { writes } = passage.start;
    const [first] = writes;
    // What the framework notes for itself is part of nobody's flow.
    if (!first || isSystemStream(first.stream)) return;
    const place = this.spans.place(first.correlationId);
    if (!place) return;
    const aggregate = aggregateType(first.stream);
    const count = writes.reduce((sum, { types }) => sum + types.length, 0);
    const attributes = {
      ...flowAttributes(first.correlationId, first.causationId, Context.current().fields.tenant),
      ...messagingAttributes('append', 'send', count),
      'messaging.destination.template': aggregate,
      'backstory.aggregate.type': aggregate,
      'backstory.stream.id': first.stream,
    };
    this.spans.open(passage, { name: `append ${aggregate}`, kind: SpanKind.PRODUCER, attributes }, place);
    if (passage.span) this.open.set(passage.span.spanContext().spanId, passage.span);
  }

  endRecord(passage: Passage<RecordStart, RecordEnd>): void {
    const { span, start, end } = passage;
    if (!span) return;
    this.open.delete(span.spanContext().spanId);
    if (!end) return this.spans.close(passage, {});
    const [after = 0] = end.versions;
    this.spans.close(passage, {
      'backstory.version.before': after - (start.writes[0]?.types.length ?? 0),
      'backstory.version.after': after,
      'backstory.position': end.position,
    });
  }

  batch({ batchId, store, appends, events, durationMs, traces }: AppendBatch): void {
    for (const it of traces) {
      const own = this.open.get(readTrace(it)?.spanId ?? '');
      own?.setAttributes({ 'backstory.batch.id': batchId, 'backstory.queue.wait_ms': it.waitedMs });
    }
    const { links, attributes } = linksTo(traces);
    if (links.length === 0) return;
    const about = {
      'backstory.batch.id': batchId,
      'backstory.batch.appends': appends,
      'messaging.batch.message_count': events,
      'db.system.name': store,
      ...attributes,
    };
    const began = performance.now() - durationMs;
    this.spans.late({ name: 'append batch', kind: SpanKind.INTERNAL, attributes: about, links }, began);
  }
}
