import { ROOT_CONTEXT, SpanKind, trace as otel, type SpanContext } from '@opentelemetry/api';
import type {
  HandleEnd,
  HandleStart,
  KeyParked,
  ObservedEvent,
  PublishEnd,
  PublishStart,
} from '@backstory/core/observe';
import { handlerName } from '../handler-name.js';
import type { Passage } from '../passage.js';
import { FailedAttempts } from './failed-attempts.js';
import { flowAttributes, messagingAttributes } from './attributes.js';
import type { NewSpan, Spans } from './spans.js';
import { isSampled, readTrace } from './trace-context.js';

/**
 * How the spans of subscriptions hang together with where their event was made, by the name of the subscription: a link (the default),
 * the same trace, or both.
 */
export type AsyncParents = Readonly<Record<string, 'link' | 'parent' | 'both'>>;

/**
 * A span for each attempt of a handler. In the process of the publisher it hangs under the publishing; what follows the log begins a
 * trace of its own that links to where its event was made, and to the attempt before.
 */
export class HandlingSpans {
  private readonly failed = new FailedAttempts();

  constructor(
    private readonly spans: Spans,
    private readonly asyncParents: AsyncParents,
  ) {}

  /** Where the record is over, the span in which the event was made is what it hangs under. */
  beginPublish(passage: Passage<PublishStart, PublishEnd>): void {
    const { event } = passage.start;
    const { correlationId, causationId, tenant } = event;
    const creation = event.trace && readTrace(event.trace);
    const active = this.spans.inside();
    const made = creation && isSampled(creation) ? otel.setSpanContext(ROOT_CONTEXT, creation) : undefined;
    const place = active ?? made ?? (event.position === 0 ? this.spans.place(correlationId) : undefined);
    if (!place) return;
    const attributes = {
      ...flowAttributes(correlationId, causationId, tenant),
      ...messagingAttributes('publish', 'send', 1),
      'messaging.message.id': event.id,
      'backstory.event.type': event.type,
    };
    const links = active && creation && isSampled(creation) ? [creation] : [];
    this.spans.open(
      passage,
      { name: `publish ${event.type}`, kind: SpanKind.PRODUCER, attributes, links },
      place,
    );
  }

  endPublish(passage: Passage<PublishStart, PublishEnd>): void {
    const { span, end } = passage;
    if (span) this.spans.close(passage, end ? { 'backstory.targets.count': end.targets } : {});
  }

  begin(passage: Passage<HandleStart, HandleEnd>): void {
    const { start } = passage;
    const active = this.spans.inside();
    const creation = creationOf(start.event);
    const previous = this.previous(start);
    if (active) return this.spans.open(passage, handleSpan(start, kept([previous])), active);
    if (!previous && !this.isTraced(start, creation)) return;
    const how = this.asyncParents[start.subscription] ?? 'link';
    const links = kept([how === 'parent' ? undefined : creation, previous]);
    const isChild = how !== 'link' && creation && isSampled(creation);
    const parent = isChild ? otel.setSpanContext(ROOT_CONTEXT, creation) : ROOT_CONTEXT;
    this.spans.open(passage, handleSpan(start, links), parent);
  }

  end(passage: Passage<HandleStart, HandleEnd>): void {
    const { start, span, hasFailed, error, began } = passage;
    const { event } = start;
    const name = handlerName(start.subscription, start.handler);
    this.spans.close(passage, {});
    if (!hasFailed) return this.failed.forget(name, event.id);
    const creation = creationOf(event);
    const attempt = span?.spanContext() ?? this.spans.late(handleSpan(start, kept([creation])), began, error);
    if (attempt) this.failed.keep(name, event.id, { attempt, creation });
  }

  parked({ subscription, handler, eventId, eventType, reason, errorType, state, was }: KeyParked): void {
    const name = handlerName(subscription, handler);
    if (state === 'released') return this.failed.forget(name, eventId);
    if (state !== 'dead' || was === 'dead') return;
    const failed = this.failed.of(name, eventId);
    const attributes = {
      ...messagingAttributes('deadletter', 'send', 1),
      'messaging.message.id': eventId,
      'messaging.consumer.group.name': name,
      'backstory.dlq.reason': reason,
      'error.type': errorType,
    };
    const links = kept([failed?.creation, failed?.attempt]);
    this.spans.late(
      { name: `deadletter ${eventType}`, kind: SpanKind.PRODUCER, attributes, links },
      performance.now(),
    );
  }

  private previous({ subscription, handler, event, previous }: HandleStart): SpanContext | undefined {
    const failed = this.failed.of(handlerName(subscription, handler), event.id);
    return failed?.attempt ?? (previous && readTrace(previous));
  }

  /**
   * As it was decided where the event was made. An event without a trace was made in a flow that is not traced, or where nothing
   * traced: unless every flow is, it begins nothing.
   */
  private isTraced({ event }: HandleStart, creation: SpanContext | undefined): boolean {
    if (creation) return isSampled(creation);
    const { sampler } = this.spans;
    return sampler.takesAll || (event.position === 0 && sampler.takes(event.correlationId));
  }
}

function creationOf({ trace }: ObservedEvent): SpanContext | undefined {
  return trace && readTrace(trace);
}

/** A link to a span that nobody keeps would lead nowhere. */
function kept(spans: readonly (SpanContext | undefined)[]): readonly SpanContext[] {
  return spans.filter((it) => it !== undefined).filter(isSampled);
}

function handleSpan(
  { subscription, handler, attempt, event, events = 1 }: HandleStart,
  links: readonly SpanContext[],
): NewSpan {
  const name = handlerName(subscription, handler);
  return {
    name: `process ${event.type} ${name}`,
    kind: SpanKind.CONSUMER,
    links,
    attributes: {
      ...flowAttributes(event.correlationId, event.causationId, event.tenant),
      ...messagingAttributes('process', 'process', events),
      'messaging.message.id': event.id,
      'messaging.consumer.group.name': name,
      'backstory.attempt': attempt,
      'backstory.dispatch.delay_ms': Math.max(0, Date.now() - event.recordedAt.getTime()),
    },
  };
}
