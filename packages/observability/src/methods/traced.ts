import { trace } from '@opentelemetry/api';
import { SCOPE } from '../metrics/measurement-producer.js';
import { fail } from '../trace/fail.js';
import { decorating, whenEnded, type MethodDecoration, type Wrap } from './observed-method.js';

/** A span for each call of a method, named `Class.method` or as given; part of whatever trace is active. */
export function Traced(name?: string): MethodDecoration {
  return decorating(traced, name);
}

/** The same for a function. */
export const traced: Wrap =
  (name, run) =>
  (...args) =>
    trace.getTracer(SCOPE).startActiveSpan(name, (span) =>
      whenEnded(
        () => run(...args),
        (error, hasFailed) => {
          if (hasFailed) fail(span, error);
          span.end();
        },
      ),
    );
