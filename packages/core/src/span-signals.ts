import type { Observer } from './observer.js';

/** A row of the table of spans. Ids of streams, events and flows are attributes, never part of a name. */
export interface SpanSignal {
  /** Types and names in braces come from the code, never from ids. */
  readonly name: string;
  readonly kind: 'internal' | 'producer' | 'consumer';
  /** How it hangs together: under the active span, or a new root that links to where its event was made. */
  readonly parent: 'active' | 'root';
  readonly links: readonly ('creation' | 'previous-attempt' | 'dead-letter' | 'appends')[];
  readonly attributes: readonly string[];
  /** What may happen in it, each with its attributes. */
  readonly events: Readonly<Record<string, readonly string[]>>;
  readonly source: keyof Observer;
}

/** A row of the table of log lines: one for each step of an event's life. */
export interface LogSignal {
  readonly logType: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly source: keyof Observer;
}

const AGGREGATE = 'backstory.aggregate.type';
const STREAM = 'backstory.stream.id';
const COMMON = [
  'backstory.correlation_id',
  'messaging.message.conversation_id',
  'backstory.causation_id',
  'backstory.tenant',
];
const MESSAGE = [
  'messaging.system',
  'messaging.operation.name',
  'messaging.operation.type',
  'messaging.batch.message_count',
];
const MESSAGE_ID = 'messaging.message.id';
const CONSUMER = 'messaging.consumer.group.name';
const LINKS_DROPPED = 'backstory.links.dropped';
const RETRY = {
  'retry {event}': ['backstory.retry.attempt', 'backstory.retry.delay', 'backstory.retry.policy'],
};
const RUN = {
  parent: 'root',
  attributes: [
    ...['backstory.replay', 'backstory.replay.from', 'backstory.replay.to'],
    'backstory.events.replayed',
  ],
  events: { progress: ['backstory.position.to'] },
} as const;

/** Every span that Backstory reports to a tracer. Each that failed has `error.type` as well. */
export const spans: readonly SpanSignal[] = [
  span('handle {command}', 'internal', 'command', {
    attributes: [
      ...[...COMMON, STREAM, AGGREGATE, 'backstory.command.type'],
      ...['backstory.retry.attempt', 'backstory.outcome', 'backstory.events.count'],
    ],
  }),
  span('load {aggregate}', 'internal', 'load', {
    attributes: [
      ...[...COMMON, STREAM, 'backstory.version', 'backstory.events.replayed'],
      ...['backstory.snapshot.version', 'backstory.snapshot.hit'],
    ],
  }),
  span('snapshot {aggregate}', 'internal', 'snapshot', {
    attributes: [...COMMON, STREAM, 'backstory.snapshot.operation', 'backstory.snapshot.bytes'],
  }),
  span('append {aggregate}', 'producer', 'record', {
    attributes: [
      ...[...COMMON, ...MESSAGE, STREAM, AGGREGATE, 'messaging.destination.template'],
      ...['backstory.version.before', 'backstory.version.after', 'backstory.position', 'backstory.batch.id'],
      'backstory.queue.wait_ms',
    ],
  }),
  span('append batch', 'internal', 'appendBatch', {
    parent: 'root',
    links: ['appends'],
    attributes: [
      ...['backstory.batch.id', 'backstory.batch.appends', 'messaging.batch.message_count'],
      ...['db.system.name', LINKS_DROPPED],
    ],
  }),
  span('publish {event}', 'producer', 'publish', {
    links: ['creation'],
    attributes: [...COMMON, ...MESSAGE, MESSAGE_ID, 'backstory.event.type', 'backstory.targets.count'],
    events: {
      'route {event}': ['backstory.rules.evaluated', 'backstory.rules.matched', 'backstory.rule.ids'],
    },
  }),
  span('process {event} {handler}', 'consumer', 'handle', {
    parent: 'root',
    links: ['creation', 'previous-attempt'],
    attributes: [
      ...[...COMMON, ...MESSAGE, MESSAGE_ID, CONSUMER],
      ...['backstory.attempt', 'backstory.dispatch.delay_ms'],
    ],
    events: RETRY,
  }),
  span('reprocess {event} {handler}', 'consumer', 'handle', {
    parent: 'root',
    links: ['creation', 'dead-letter'],
    attributes: [
      ...[...COMMON, ...MESSAGE, MESSAGE_ID, CONSUMER],
      ...['backstory.attempt', 'backstory.dispatch.delay_ms', 'backstory.dlq.age'],
    ],
    events: RETRY,
  }),
  span('deadletter {event}', 'producer', 'park', {
    parent: 'root',
    links: ['creation', 'previous-attempt'],
    attributes: [...MESSAGE, MESSAGE_ID, CONSUMER, 'backstory.dlq.reason'],
  }),
  span('project {projection}', 'consumer', 'project', {
    parent: 'root',
    links: ['creation'],
    attributes: [
      ...[...MESSAGE, 'backstory.position.from', 'backstory.position.to'],
      ...['backstory.lag.seconds', 'backstory.batch.wait_ms', 'backstory.outcome', LINKS_DROPPED],
    ],
    events: { 'checkpoint {projection}': ['backstory.checkpoint.position'] },
  }),
  span('rebuild {projection}', 'internal', 'generation', RUN),
  span('replay {subscription}', 'internal', 'replay', RUN),
];

function span(
  name: string,
  kind: SpanSignal['kind'],
  source: SpanSignal['source'],
  about: Pick<SpanSignal, 'attributes'> & Partial<Pick<SpanSignal, 'parent' | 'links' | 'events'>>,
): SpanSignal {
  return { name, kind, source, parent: 'active', links: [], events: {}, ...about };
}

/** Every log line that Backstory writes, but for those of the application. */
export const logs: readonly LogSignal[] = [
  { logType: 'EVENT_CREATED', level: 'debug', message: 'Event created', source: 'record' },
  { logType: 'EVENT_STORED', level: 'debug', message: 'Event stored', source: 'record' },
  { logType: 'EVENT_PUBLISHED', level: 'debug', message: 'Event published', source: 'record' },
  { logType: 'EVENT_STORE_FAILED', level: 'error', message: 'Event not stored', source: 'record' },
  { logType: 'EVENT_PROCESSING', level: 'debug', message: 'Event processing', source: 'handle' },
  { logType: 'EVENT_COMPLETED', level: 'debug', message: 'Event handled', source: 'handle' },
  { logType: 'EVENT_ERROR', level: 'error', message: 'Event handling failed', source: 'handle' },
  { logType: 'EVENT_RETRY_ATTEMPT', level: 'info', message: 'Event processing again', source: 'handle' },
  {
    logType: 'EVENT_RETRY_QUEUED',
    level: 'warn',
    message: 'Event put off for another attempt',
    source: 'retry',
  },
  { logType: 'EVENT_DEAD_LETTERED', level: 'error', message: 'Event parked as dead', source: 'park' },
  { logType: 'BATCH_PROCESSED', level: 'info', message: 'Batch processed', source: 'project' },
  { logType: 'BATCH_ERROR', level: 'error', message: 'Batch failed', source: 'project' },
  { logType: 'BATCH_COMPLETE', level: 'info', message: 'Batch complete', source: 'appendBatch' },
  { logType: 'APPENDS_BLOCKED', level: 'warn', message: 'Appends wait for a lock', source: 'blocked' },
  { logType: 'CONSUMER', level: 'info', message: 'Consumer changed state', source: 'consumer' },
  { logType: 'CHECKPOINT', level: 'debug', message: 'Checkpoint kept', source: 'checkpoint' },
  { logType: 'LEASE', level: 'info', message: 'Lease changed hands', source: 'lease' },
  { logType: 'GENERATION', level: 'info', message: 'Generation changed', source: 'generation' },
];
