import { context, isSpanContextValid, trace } from '@opentelemetry/api';
import { Context } from '@backstory/core';
import { writeTrace } from './trace/trace-context.js';

/**
 * Headers for a request or message to another service: who, why and as part of what it is sent, with the trace that is active; as B3 as
 * well on request. The other side reads them with `Context.fromHeaders`.
 */
export function outgoingHeaders(options?: { readonly b3?: 'single' | 'multi' }): Record<string, string> {
  const active = trace.getSpanContext(context.active());
  const own = active && isSpanContextValid(active) ? { tracestate: undefined, ...writeTrace(active) } : {};
  return Context.current().with(own).toHeaders(options);
}
