import { SpanStatusCode, type Span } from '@opentelemetry/api';
import { errorType } from '@backstory/core/observe';

/** What a span says of an error that ended it. */
export function fail(span: Span, error: unknown): void {
  span.setAttribute('error.type', errorType(error));
  span.recordException(error instanceof Error ? error : String(error));
  span.setStatus({
    code: SpanStatusCode.ERROR,
    message: error instanceof Error ? error.message : String(error),
  });
}
