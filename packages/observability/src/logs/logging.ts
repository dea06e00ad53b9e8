import { context as otel, trace } from '@opentelemetry/api';
import { appendIds, isSystemStream } from '@backstory/core/store';
import {
  CONFLICT,
  errorType,
  logs as signals,
  type HandleEnd,
  type HandleStart,
  type KeyParked,
  type ObservedEvent,
  type ObservedFlow,
  type ProjectEnd,
  type ProjectStart,
  type PublishEnd,
  type PublishStart,
  type RecordEnd,
  type RecordStart,
} from '@backstory/core/observe';
import { handlerName } from '../handler-name.js';
import type { Listener } from '../listener.js';
import type { Passage } from '../passage.js';
import { readTrace } from '../trace/trace-context.js';
import { spanFields, type Log, type LogFields } from './log.js';
import type { LogLevel } from './log-settings.js';

/**
 * Writes a line for each step of an event's life, as the table of signals has them: their level is what the table says, but what
 * becomes of an event in a flow that is taken is told at `info`.
 */
export function logging(log: Log, isTaken: (correlationId: string) => boolean): Listener {
  const lines = new Lines(log, isTaken);
  return {
    signal: 'logs',
    begins: { record: inside((it) => lines.creating(it)), handle: inside((it) => lines.handling(it)) },
    ends: {
      record: inside((it) => lines.recorded(it)),
      publish: inside((it) => lines.published(it)),
      handle: inside((it) => lines.handled(it)),
      project: inside((it) => lines.projected(it)),
    },
    told: {
      retry: ({ subscription, handler, eventId, eventType, attempt, delayMs, flow }) =>
        lines.say('EVENT_RETRY_QUEUED', () => ({
          ...{ event_type: eventType, event_id: eventId, handler: handlerName(subscription, handler) },
          ...{ status: 'retrying', attempt, delay: delayMs / 1_000, ...left(flow) },
        })),
      park: (facts) => lines.parked(facts),
      appendBatch: ({ batchId, store, appends, events, failed, durationMs }) =>
        // Where nobody else commits, an append is a batch of its own, and was told as what it is.
        lines.say(
          'BATCH_COMPLETE',
          () => ({ batch: batchId, store, appends, events, failed, duration: durationMs / 1_000 }),
          appends > 1 ? undefined : 'debug',
        ),
      blocked: ({ store, waitedMs, holder }) =>
        lines.say('APPENDS_BLOCKED', () => ({ store, holder, waited: waitedMs / 1_000 })),
      consumer: ({ consumer, change, reason }) =>
        lines.say(
          'CONSUMER',
          () => ({ consumer, change, ...(reason !== undefined && { reason }) }),
          change === 'faulted' ? 'error' : undefined,
        ),
      checkpoint: ({ consumer, through }) => lines.say('CHECKPOINT', () => ({ consumer, through })),
      lease: ({ lease, owner, change }) =>
        lines.say('LEASE', () => ({ lease, owner, change }), change === 'lost' ? undefined : 'debug'),
      generation: ({ projection, generation, change }) =>
        lines.say('GENERATION', () => ({ projection, generation, change })),
    },
  };
}

/** What is said of a passage is said in its span, where it has one: the span is not active yet when it begins, nor any more when it ends. */
function inside<Start, End>(
  say: (passage: Passage<Start, End>) => void,
): (passage: Passage<Start, End>) => void {
  return (passage) => {
    const { span } = passage;
    if (span) otel.with(trace.setSpan(otel.active(), span), say, undefined, passage);
    else say(passage);
  };
}

class Lines {
  constructor(
    private readonly log: Log,
    private readonly isTaken: (correlationId: string) => boolean,
  ) {}

  /** What is not written is not put together either. */
  say(logType: string, fields: () => LogFields, level?: LogLevel): void {
    const line = TABLE.get(logType)!;
    const at = level ?? line.level;
    if (this.log.takes(at)) this.log.write(at, line.message, { log_type: logType, ...fields() });
  }

  creating({ start }: Passage<RecordStart, RecordEnd>): void {
    for (const event of this.log.takes('debug') ? eventsOf(start) : [])
      this.say('EVENT_CREATED', () => event);
  }

  recorded(passage: Passage<RecordStart, RecordEnd>): void {
    const { start, end, hasFailed, error, seconds } = passage;
    if (hasFailed) return this.refused(start, error, seconds);
    const level = this.levelOf(passage, start.writes[0]?.correlationId);
    if (!this.log.takes(level)) return;
    const status = end?.repeated ? 'repeated' : 'success';
    for (const event of eventsOf(start)) {
      this.say('EVENT_STORED', () => ({ ...event, status, duration: seconds }), level);
      if (status === 'success') this.say('EVENT_PUBLISHED', () => ({ ...event, source: start.source }));
    }
  }

  published({ start, end, seconds }: Passage<PublishStart, PublishEnd>): void {
    const { event } = start;
    // What was recorded was told then.
    if (event.position > 0) return;
    const { targets = 0, failed = 0 } = end ?? {};
    this.say('EVENT_PUBLISHED', () => ({
      ...about(event),
      source: event.source,
      targets,
      failed,
      duration: seconds,
    }));
  }

  handling({ start }: Passage<HandleStart, HandleEnd>): void {
    const { attempt } = start;
    this.say(attempt > 1 ? 'EVENT_RETRY_ATTEMPT' : 'EVENT_PROCESSING', () => ({
      ...handledBy(start),
      attempt,
    }));
  }

  handled(passage: Passage<HandleStart, HandleEnd>): void {
    const { start, end, hasFailed, error, seconds } = passage;
    const { attempt, event } = start;
    const common = { attempt, duration: seconds };
    if (hasFailed)
      return this.say('EVENT_ERROR', () => ({
        ...{ ...handledBy(start), ...common, status: 'error' },
        ...{ error_type: errorType(error), error },
      }));
    const status = end?.outcome === 'handled' || !end ? 'success' : end.outcome;
    const level = this.levelOf(passage, event.correlationId);
    this.say('EVENT_COMPLETED', () => ({ ...handledBy(start), ...common, status }), level);
  }

  projected({ start, end, hasFailed, error, seconds }: Passage<ProjectStart, ProjectEnd>): void {
    if (end?.isDropped) return;
    const { projection, generation, from, to, events } = start;
    const { waitedMs = 0, applied, skipped } = end ?? {};
    const common = { projection, generation, from, to, events, duration: seconds - waitedMs / 1_000 };
    if (hasFailed)
      return this.say('BATCH_ERROR', () => ({
        ...common,
        status: 'error',
        error_type: errorType(error),
        error,
      }));
    this.say('BATCH_PROCESSED', () => ({ ...common, status: 'success', applied, skipped }));
  }

  parked({ subscription, handler, state, was, ...about }: KeyParked): void {
    if (state !== 'dead' || was === 'dead') return;
    const { key, eventId, eventType, reason, error, errorType: kind, flow } = about;
    this.say('EVENT_DEAD_LETTERED', () => ({
      ...{ event_type: eventType, event_id: eventId, handler: handlerName(subscription, handler) },
      ...{ key, status: 'dead', reason, error_type: kind, ...(error !== undefined && { error }) },
      ...left(flow),
    }));
  }

  /** A conflict is no failure: whoever met it decides again. */
  private refused(start: RecordStart, error: unknown, seconds: number): void {
    const kind = errorType(error);
    const [first] = eventsOf(start);
    const fields = () => ({ ...first, status: 'error', duration: seconds, error_type: kind, error });
    this.say('EVENT_STORE_FAILED', fields, kind === CONFLICT ? 'debug' : undefined);
  }

  private levelOf({ span }: Passage<never, never> | Passage<unknown, unknown>, correlationId = ''): LogLevel {
    return span || this.isTaken(correlationId) ? 'info' : 'debug';
  }
}

const TABLE: ReadonlyMap<string, (typeof signals)[number]> = new Map(signals.map((it) => [it.logType, it]));

/** The events of an append. What the framework notes for itself is none of them. */
function* eventsOf({ appendId, writes }: RecordStart): Generator<LogFields, void> {
  const ids = appendIds(
    appendId,
    writes.reduce((sum, { types }) => sum + types.length, 0),
  );
  let next = 0;
  for (const { stream, types, correlationId, causationId } of writes)
    for (const type of types) {
      const id = ids[next++];
      if (isSystemStream(stream)) continue;
      yield { event_type: type, event_id: id, stream, ...flow(correlationId, causationId) };
    }
}

function about({ type, id, stream, correlationId, causationId }: ObservedEvent): LogFields {
  return { event_type: type, event_id: id, stream, ...flow(correlationId, causationId) };
}

function handledBy({ event, subscription, handler, events }: HandleStart): LogFields {
  return {
    ...about(event),
    handler: handlerName(subscription, handler),
    ...(events !== undefined && { events }),
  };
}

/** A flow that is not active any more, and the trace in it. */
function left(told: ObservedFlow | undefined): LogFields {
  if (!told) return {};
  const span = told.trace && readTrace(told.trace);
  return { ...flow(told.correlationId, told.causationId), ...(span && spanFields(span)) };
}

function flow(correlationId: string, causationId: string | undefined): LogFields {
  return { correlation_id: correlationId, ...(causationId !== undefined && { causation_id: causationId }) };
}
