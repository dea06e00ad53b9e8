import {
  Context,
  categoryOf,
  deriveId,
  readRecorded,
  type EventStore,
  type RecordedEvent,
  type StoredEvent,
} from '@backstory/core';
import type { SubscriptionAdmin, SubscriptionOutcome } from '@backstory/router';
import { flowOf, type FlowOptions } from '../flow.js';

/** Something that took a while in a flow: an append, or the last attempt of a handler. */
export interface RebuiltSpan {
  /** 16 hexadecimal digits, of the id of the event. */
  readonly spanId: string;
  readonly parentSpanId?: string;
  /** `append order`, `process order.placed billing.bill`: types and names, never ids. */
  readonly name: string;
  readonly kind: 'producer' | 'consumer';
  /** Milliseconds since 1970. */
  readonly began: number;
  readonly ended: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** The events that were recorded by an append, at the times at which they happened. */
  readonly moments: readonly SpanMoment[];
  /** Why it failed. */
  readonly error?: string;
  /** The application that recorded it. */
  readonly service: string;
}

/** What happened in a span. */
export interface SpanMoment {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** A flow as spans of one trace, each after what it hangs under. */
export interface FlowSpans {
  /** 32 hexadecimal digits: of the trace context that its events carry, where they do; else of the correlation id. */
  readonly traceId: string;
  readonly correlationId: string;
  readonly spans: readonly RebuiltSpan[];
  /** How many events they are made of. */
  readonly events: number;
  /** Present when the flow has more events than were asked for: there are spans of the first only. */
  readonly truncatedAt?: number;
}

/** How much of a flow is read. `limit`: 1 to 10,000 events, the default. */
export type FlowSpansOptions = FlowOptions;

/** Where flows are: an application has both. Without subscriptions nothing is known of handlers. */
export interface FlowSource {
  readonly events: EventStore;
  readonly subscriptions?: Pick<SubscriptionAdmin, 'outcomesOfEvents'>;
}

/**
 * The flow that an event belongs to, or that a correlation id names, as spans: rebuilt from what was recorded, with the same ids every
 * time. A span for each append, and for each handler whose outcome is kept; what a handler appended hangs under it.
 *
 * ```ts
 * const flow = await flowSpans(app, 'order-request-77');
 * await sendSpans(flow, { url: collector });
 * ```
 *
 * @throws FlowNotFound, InvalidQuery
 */
export async function flowSpans(
  { events, subscriptions }: FlowSource,
  id: string,
  options: FlowSpansOptions = {},
): Promise<FlowSpans> {
  const { correlationId, events: flow, truncatedAt } = await flowOf(events, id, options);
  const outcomes = (await subscriptions?.outcomesOfEvents(flow)) ?? [];
  const recorded = flow.map(readRecorded);
  return {
    traceId: recorded.map(traceIdOf).find((it) => it !== undefined) ?? hexOf('trace', correlationId),
    correlationId,
    spans: await spansOf(appendsOf(flow, recorded), byEvent(outcomes)),
    events: flow.length,
    ...(truncatedAt !== undefined && { truncatedAt }),
  };
}

/** The events of one append, in their order. */
type Append = readonly [RecordedEvent, ...RecordedEvent[]];

function appendsOf(flow: readonly StoredEvent[], recorded: readonly RecordedEvent[]): readonly Append[] {
  const appends: [RecordedEvent, ...RecordedEvent[]][] = [];
  for (const [i, { appendIndex, position }] of flow.entries()) {
    const before = flow[i - 1];
    const goesOn = before?.appendIndex === appendIndex - 1 && before.position === position - 1;
    if (goesOn) appends.at(-1)!.push(recorded[i]!);
    else appends.push([recorded[i]!]);
  }
  return appends;
}

type Outcomes = ReadonlyMap<string, readonly SubscriptionOutcome[]>;

function byEvent(outcomes: readonly SubscriptionOutcome[]): Outcomes {
  const found = new Map<string, SubscriptionOutcome[]>();
  for (const it of outcomes) found.set(it.eventId, [...(found.get(it.eventId) ?? []), it]);
  return found;
}

async function spansOf(appends: readonly Append[], outcomes: Outcomes): Promise<readonly RebuiltSpan[]> {
  const spans: RebuiltSpan[] = [];
  const madeIn = new Map<string, { readonly spanId: string; readonly event: RecordedEvent }>();
  for (const append of appends) {
    const cause = madeIn.get(append[0].metadata.causationId ?? '');
    const handler = cause && (await handlerOf(append, cause.event, outcomes.get(cause.event.id) ?? []));
    const span = appendSpan(append, handler ? processId(handler) : cause?.spanId);
    spans.push(span);
    for (const event of append) {
      madeIn.set(event.id, { spanId: span.spanId, event });
      for (const it of outcomes.get(event.id) ?? []) spans.push(processSpan(event, it, span.spanId));
    }
  }
  return spans;
}

/** Who appended it: its id is derived from the handler. Where it is not, as where an id was given, nobody is known. */
async function handlerOf(
  [{ id, stream, metadata }]: Append,
  cause: RecordedEvent,
  outcomes: readonly SubscriptionOutcome[],
): Promise<SubscriptionOutcome | undefined> {
  const { command } = metadata;
  for (const outcome of outcomes) {
    const context = Context.handling(cause, outcome);
    const named = typeof command === 'string' ? context.with({ command }) : context;
    for (let n = 0; n < MOST_SAVES; n++) {
      if ((await named.saving(stream, (appendId) => Promise.resolve(appendId))) === id) return outcome;
    }
  }
  return undefined;
}

/** So many appends to one stream by one run of a handler are told apart. */
const MOST_SAVES = 20;

function appendSpan(append: Append, parentSpanId: string | undefined): RebuiltSpan {
  const [first] = append;
  const { id, stream, metadata, recordedAt } = first;
  const ended = recordedAt.getTime();
  const category = categoryOf(stream);
  const ofFirst = append.filter((it) => it.stream === stream);
  return {
    spanId: hexOf('append', id).slice(16),
    ...(parentSpanId !== undefined && { parentSpanId }),
    name: `append ${category === stream ? 'none' : category}`,
    kind: 'producer',
    began: Math.min(...append.map(occurredAt), ended),
    ended,
    attributes: {
      ...flowAttributes(first),
      ...messagingAttributes('append', 'send'),
      ...(append.length > 1 && { 'messaging.batch.message_count': append.length }),
      'backstory.stream.id': stream,
      'backstory.version.before': first.version - 1,
      'backstory.version.after': ofFirst.at(-1)!.version,
      'backstory.position': append.at(-1)!.position,
      ...textAttribute('backstory.command.type', metadata.command),
      ...textAttribute('backstory.recorded.traceparent', metadata.traceparent),
    },
    moments: append.map((it) => ({
      name: it.type,
      at: Math.min(occurredAt(it), ended),
      attributes: {
        'messaging.message.id': it.id,
        'backstory.stream.id': it.stream,
        'backstory.version': it.version,
      },
    })),
    service: String(metadata.source),
  };
}

function processSpan(event: RecordedEvent, outcome: SubscriptionOutcome, parentSpanId: string): RebuiltSpan {
  const { subscription, handler, attempts, state, startedAt, endedAt, error } = outcome;
  const name = `${subscription}.${handler}`;
  const began = Date.parse(startedAt);
  return {
    spanId: processId(outcome),
    parentSpanId,
    name: `process ${event.type} ${name}`,
    kind: 'consumer',
    began,
    ended: Math.max(began, Date.parse(endedAt)),
    attributes: {
      ...flowAttributes(event),
      ...messagingAttributes('process', 'process'),
      'messaging.message.id': event.id,
      'messaging.consumer.group.name': name,
      'backstory.attempt': attempts,
      'backstory.outcome': state,
      'backstory.dispatch.delay_ms': Math.max(0, began - event.recordedAt.getTime()),
      ...(error && { 'error.type': error.name }),
    },
    moments: [],
    ...(state !== 'handled' && { error: error?.message ?? state }),
    service: String(event.metadata.source),
  };
}

function processId({ eventId, subscription, handler }: SubscriptionOutcome): string {
  return hexOf('process', eventId, subscription, handler).slice(16);
}

function flowAttributes({ metadata }: RecordedEvent): RebuiltSpan['attributes'] {
  const { correlationId, causationId, tenant } = metadata;
  return {
    'backstory.rebuilt': true,
    ...textAttribute('backstory.correlation_id', correlationId),
    ...textAttribute('messaging.message.conversation_id', correlationId),
    ...textAttribute('backstory.causation_id', causationId),
    ...textAttribute('backstory.tenant', tenant),
  };
}

function messagingAttributes(name: string, type: 'send' | 'process'): RebuiltSpan['attributes'] {
  return {
    'messaging.system': 'backstory',
    'messaging.operation.name': name,
    'messaging.operation.type': type,
  };
}

/** Whoever recorded an event may have put anything in its metadata. */
function textAttribute(name: string, value: unknown): Readonly<Record<string, string>> {
  return typeof value === 'string' ? { [name]: value } : {};
}

function occurredAt({ metadata, recordedAt }: RecordedEvent): number {
  const at = Date.parse(metadata.occurredAt);
  return Number.isNaN(at) ? recordedAt.getTime() : at;
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
function traceIdOf({ metadata }: RecordedEvent): string | undefined {
  const { traceparent } = metadata;
  const [, traceId] = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-/.exec(String(traceparent)) ?? [];
  return traceId === undefined || /^0+$/.test(traceId) ? undefined : traceId;
}

/** 32 digits, never all zeros in either half. */
function hexOf(...parts: readonly string[]): string {
  return deriveId('span', ...parts).replaceAll('-', '');
}
