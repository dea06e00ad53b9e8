import type { Attributes, SpanContext } from '@opentelemetry/api';
import { Context } from '@backstory/core';
import type { TraceContext } from '@backstory/core/observe';
import { isSampled, readTrace } from './trace-context.js';

/** What every span of a flow says. */
export function flowAttributes(
  correlationId: string | undefined,
  causationId: string | undefined,
  tenant: string | undefined,
): Attributes {
  return {
    ...(correlationId !== undefined && {
      'backstory.correlation_id': correlationId,
      'messaging.message.conversation_id': correlationId,
    }),
    ...(causationId !== undefined && { 'backstory.causation_id': causationId }),
    ...(tenant !== undefined && { 'backstory.tenant': tenant }),
  };
}

/** What spans say of the flow that is active. */
export function ambientAttributes(): Attributes {
  const { correlationId, causationId, tenant } = Context.current().fields;
  return flowAttributes(correlationId, causationId, tenant);
}

/** What every span of messages says (https://opentelemetry.io/docs/specs/semconv/messaging/). */
export function messagingAttributes(name: string, type: 'send' | 'process', count: number): Attributes {
  return {
    'messaging.system': 'backstory',
    'messaging.operation.name': name,
    'messaging.operation.type': type,
    ...(count > 1 && { 'messaging.batch.message_count': count }),
  };
}

/** The spans, of those that were kept, that are meant; each once, as many as a span may link to, and what that left out. */
export function linksTo(traces: readonly TraceContext[]): {
  readonly links: readonly SpanContext[];
  readonly attributes: Attributes;
} {
  const found = new Map<string, SpanContext>();
  for (const it of traces) {
    const read = readTrace(it);
    // A link to a span that nobody keeps would lead nowhere.
    if (read && isSampled(read)) found.set(`${read.traceId}${read.spanId}`, read);
  }
  const links = [...found.values()].slice(0, MOST_LINKS);
  const dropped = found.size - links.length;
  return { links, attributes: dropped > 0 ? { 'backstory.links.dropped': dropped } : {} };
}

/** As the SDKs have it by default. */
const MOST_LINKS = 128;
