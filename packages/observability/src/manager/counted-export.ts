import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import type { Context } from '@opentelemetry/api';
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type Span,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/**
 * Sends spans in batches, as the SDK does it, and counts those that could not be: because the exporter failed or threw, or because too
 * many were waiting. Whatever the exporter does, the application does not notice.
 */
export class CountedExport implements SpanProcessor {
  private readonly batches: BatchSpanProcessor;
  private waiting = 0;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly dropped: (spans: number) => void,
  ) {
    const counted: SpanExporter = {
      export: (spans, done) => this.send(spans, done),
      shutdown: () => exporter.shutdown(),
      ...(exporter.forceFlush && { forceFlush: () => exporter.forceFlush!() }),
    };
    this.batches = new BatchSpanProcessor(counted, { maxQueueSize: MOST_WAITING });
  }

  onStart(span: Span, parent: Context): void {
    this.batches.onStart(span, parent);
  }

  onEnd(span: ReadableSpan): void {
    // The SDK would drop it without a word.
    if (this.waiting >= MOST_WAITING) return this.dropped(1);
    this.waiting++;
    this.batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.batches.shutdown();
  }

  private send(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.waiting -= spans.length;
    const ended = (result: ExportResult) => {
      if (result.code !== ExportResultCode.SUCCESS) this.dropped(spans.length);
      // It was counted; the SDK would only log it.
      done({ code: ExportResultCode.SUCCESS });
    };
    try {
      this.exporter.export(spans, once(ended));
    } catch (error) {
      ended({ code: ExportResultCode.FAILED, ...(error instanceof Error && { error }) });
    }
  }
}

const MOST_WAITING = 4_096;

function once(tell: (result: ExportResult) => void): (result: ExportResult) => void {
  let isTold = false;
  return (result) => {
    if (!isTold) tell(result);
    isTold = true;
  };
}
