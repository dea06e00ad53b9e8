import type { Context as OtelContext, Span } from '@opentelemetry/api';

/** One piece of work on its way through a seam: what was known before it, and what became of it. */
export class Passage<Start, End> {
  /** As `performance.now()` gives it, which OpenTelemetry takes for a time as well. */
  readonly began = performance.now();
  /** What the work runs in, where that is not what was active. */
  context: OtelContext | undefined;
  span: Span | undefined;
  end: End | undefined;
  hasFailed = false;
  error: unknown;
  seconds = 0;

  constructor(readonly start: Start) {}
}
