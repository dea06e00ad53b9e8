import { ROOT_CONTEXT, SpanKind, trace as otel, type Span, type SpanContext } from '@opentelemetry/api';
import type {
  EventRouted,
  HandleEnd,
  HandleStart,
  KeyParked,
  ObservedEvent,
  PublishEnd,
  PublishStart,
  ReplayEnded,
  RetryScheduled,
} from '@backstory/core/observe';
import { handlerName } from '../handler-name.js';
import type { Passage } from '../passage.js';
import { FailedAttempts, type FailedAttempt } from './failed-attempts.js';
import { flowAttributes, messagingAttributes } from './attributes.js';
import { Runs } from './runs.js';
import { untraced, type NewSpan, type Spans } from './spans.js';
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
  /** What rules decided about the event that is being published in a span. */
  private readonly routings = new WeakMap<Span, EventRouted[]>();
  private readonly replays: Runs;

  constructor(
    private readonly spans: Spans,
    private readonly asyncParents: AsyncParents,
  ) {
    this.replays = new Runs(spans);
  }

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
    if (passage.span) this.routings.set(passage.span, []);
  }

  /** A time-out comes after a rule has decided. */
  routed(facts: EventRouted): void {
    const span = otel.getActiveSpan();
    if (span && facts.result !== 'timed-out') this.routings.get(span)?.push(facts);
  }

  endPublish(passage: Passage<PublishStart, PublishEnd>): void {
    const { span, start, end } = passage;
    if (!span) return;
    const routings = this.routings.get(span) ?? [];
    const matched = routings.filter(({ result }) => result === 'matched').map(({ rule }) => rule);
    if (routings.length > 0)
      span.addEvent(`route ${start.event.type}`, {
        'backstory.rules.evaluated': routings.length,
        'backstory.rules.matched': matched.length,
        'backstory.rule.ids': matched,
      });
    this.spans.close(passage, end ? { 'backstory.targets.count': end.targets } : {});
  }

  begin(passage: Passage<HandleStart, HandleEnd>): void {
    const { start } = passage;
    if (start.replay !== undefined) return this.beginAgain(passage, start.replay);
    this.open(passage);
    const { span } = passage;
    if (!span || start.attempt === 1) return;
    const delayMs = this.failedBefore(start)?.delayMs;
    span.addEvent(`retry ${start.event.type}`, {
      'backstory.retry.attempt': start.attempt - 1,
      'backstory.retry.policy': 'exponential',
      ...(delayMs !== undefined && { 'backstory.retry.delay': delayMs / 1_000 }),
    });
  }

  private open(passage: Passage<HandleStart, HandleEnd>): void {
    const { start } = passage;
    const active = this.spans.inside();
    const creation = creationOf(start.event);
    const failed = this.failedBefore(start);
    const previous = failed?.dead?.letter ?? failed?.attempt ?? (start.previous && readTrace(start.previous));
    const span = (links: readonly SpanContext[]) => handleSpan(start, links, failed?.dead);
    if (active) return this.spans.open(passage, span(kept([previous])), active);
    if (!previous && !this.isTraced(start, creation)) return;
    const how = this.asyncParents[start.subscription] ?? 'link';
    const links = kept([how === 'parent' ? undefined : creation, previous]);
    const isChild = how !== 'link' && creation && isSampled(creation);
    const parent = isChild ? otel.setSpanContext(ROOT_CONTEXT, creation) : ROOT_CONTEXT;
    this.spans.open(passage, span(links), parent);
  }

  /** Of what is handled again nothing is traced but the whole. */
  private beginAgain(passage: Passage<HandleStart, HandleEnd>, run: string): void {
    const { subscription, event } = passage.start;
    this.replays.begin(runOf(subscription, run), `replay ${subscription}`, event.position);
    passage.context = untraced();
  }

  end(passage: Passage<HandleStart, HandleEnd>): void {
    const { start, hasFailed, error, began } = passage;
    const { event, replay } = start;
    if (replay !== undefined) {
      const { position } = event;
      const part = { from: position, to: position, events: start.events ?? 1, hasFailed, error };
      return this.replays.progress(runOf(start.subscription, replay), part);
    }
    const name = handlerName(start.subscription, start.handler);
    this.spans.close(passage, {});
    if (!hasFailed) return this.failed.forget(name, event.id);
    const creation = creationOf(event);
    passage.span ??= this.spans.late(handleSpan(start, kept([creation]), undefined), began, error);
    const attempt = passage.span?.spanContext();
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
    const span = { name: `deadletter ${eventType}`, kind: SpanKind.PRODUCER, attributes, links };
    const letter = this.spans.late(span, performance.now())?.spanContext();
    if (failed && letter)
      this.failed.keep(name, eventId, { ...failed, dead: { letter, at: performance.now() } });
  }

  retrying({ subscription, handler, eventId, delayMs }: RetryScheduled): void {
    const name = handlerName(subscription, handler);
    const failed = this.failed.of(name, eventId);
    if (failed) this.failed.keep(name, eventId, { ...failed, delayMs });
  }

  replayEnded({ subscription, run }: ReplayEnded): void {
    const key = runOf(subscription, run);
    this.replays.end(key);
    this.replays.forget(key);
  }

  close(): void {
    this.replays.close();
  }

  private failedBefore({ subscription, handler, event }: HandleStart): FailedAttempt | undefined {
    return this.failed.of(handlerName(subscription, handler), event.id);
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

function runOf(subscription: string, run: string): string {
  return JSON.stringify([subscription, run]);
}

function handleSpan(
  { subscription, handler, attempt, event, events = 1 }: HandleStart,
  links: readonly SpanContext[],
  dead: FailedAttempt['dead'],
): NewSpan {
  const name = handlerName(subscription, handler);
  return {
    name: dead ? `reprocess ${event.type} ${name}` : `process ${event.type} ${name}`,
    kind: SpanKind.CONSUMER,
    links,
    attributes: {
      ...flowAttributes(event.correlationId, event.causationId, event.tenant),
      ...messagingAttributes('process', 'process', events),
      'messaging.message.id': event.id,
      'messaging.consumer.group.name': name,
      'backstory.attempt': attempt,
      'backstory.dispatch.delay_ms': Math.max(0, Date.now() - event.recordedAt.getTime()),
      ...(dead && { 'backstory.dlq.age': Math.max(0, (performance.now() - dead.at) / 1_000) }),
    },
  };
}
