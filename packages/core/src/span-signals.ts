import type { Observer } from './observer.js';

/** A row of the table of spans. Ids of streams, events and flows are attributes, never part of a name. */
export interface SpanSignal {
  /** Types and names in braces come from the code, never from ids. */
  readonly name: string;
  readonly kind: 'internal' | 'producer' | 'consumer';
  /** How it hangs together: under the active span, or a new root that links to where its event was made. */
  readonly parent: 'active' | 'root';
  readonly links: readonly ('creation' | 'previous-attempt' | 'appends')[];
  readonly attributes: readonly string[];
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
const ERROR = 'error.type';
const COMMON = ['backstory.correlation_id', 'backstory.causation_id', 'backstory.tenant'];
const MESSAGE = [
  'messaging.system',
  'messaging.operation.name',
  'messaging.operation.type',
  'messaging.batch.message_count',
];

/** Every span that Backstory reports to a tracer. */
export const spans: readonly SpanSignal[] = [
  {
    name: 'handle {command}',
    kind: 'internal',
    parent: 'active',
    links: [],
    attributes: [
      ...COMMON,
      'backstory.command.type',
      AGGREGATE,
      'backstory.stream.id',
      'backstory.retry.attempt',
      'backstory.outcome',
      'backstory.events.count',
    ],
    source: 'command',
  },
  {
    name: 'load {aggregate}',
    kind: 'internal',
    parent: 'active',
    links: [],
    attributes: [
      ...COMMON,
      'backstory.events.replayed',
      'backstory.snapshot.version',
      'backstory.snapshot.hit',
      'backstory.version',
    ],
    source: 'load',
  },
  {
    name: 'snapshot {aggregate}',
    kind: 'internal',
    parent: 'active',
    links: [],
    attributes: [...COMMON, 'backstory.snapshot.operation', 'backstory.snapshot.bytes'],
    source: 'snapshot',
  },
  {
    name: 'append {aggregate}',
    kind: 'producer',
    parent: 'active',
    links: [],
    attributes: [
      ...COMMON,
      ...MESSAGE,
      'messaging.destination.template',
      'backstory.version.before',
      'backstory.version.after',
      'backstory.position',
      ERROR,
    ],
    source: 'record',
  },
  {
    name: 'append batch',
    kind: 'internal',
    parent: 'root',
    links: ['appends'],
    attributes: [
      'backstory.batch.id',
      'backstory.batch.appends',
      'messaging.batch.message_count',
      'db.system.name',
    ],
    source: 'appendBatch',
  },
  {
    name: 'process {event} {handler}',
    kind: 'consumer',
    parent: 'root',
    links: ['creation', 'previous-attempt'],
    attributes: [
      ...COMMON,
      ...MESSAGE,
      'messaging.message.id',
      'messaging.consumer.group.name',
      'backstory.attempt',
      'backstory.dispatch.delay_ms',
      ERROR,
    ],
    source: 'handle',
  },
  {
    name: 'deadletter {event}',
    kind: 'producer',
    parent: 'root',
    links: ['creation', 'previous-attempt'],
    attributes: [...COMMON, 'backstory.dlq.reason', ERROR],
    source: 'park',
  },
  {
    name: 'project {projection}',
    kind: 'consumer',
    parent: 'root',
    links: ['creation'],
    attributes: [
      'messaging.batch.message_count',
      'backstory.position.from',
      'backstory.position.to',
      'backstory.lag.events',
      'backstory.links.dropped',
    ],
    source: 'project',
  },
  {
    name: 'rebuild {projection}',
    kind: 'internal',
    parent: 'root',
    links: [],
    attributes: [
      'backstory.replay',
      'backstory.replay.from',
      'backstory.replay.to',
      'backstory.replay.diff_count',
    ],
    source: 'generation',
  },
];

/** Every log line that Backstory writes, but for those of the application. */
export const logs: readonly LogSignal[] = [
  { logType: 'EVENT_STORED', level: 'debug', message: 'Event stored', source: 'record' },
  { logType: 'EVENT_PUBLISHED', level: 'debug', message: 'Event published', source: 'record' },
  { logType: 'EVENT_PROCESSING', level: 'debug', message: 'Event processing', source: 'handle' },
  { logType: 'EVENT_COMPLETED', level: 'debug', message: 'Event handled', source: 'handle' },
  { logType: 'EVENT_ERROR', level: 'error', message: 'Event handling failed', source: 'handle' },
  {
    logType: 'EVENT_RETRY_QUEUED',
    level: 'warn',
    message: 'Event put off for another attempt',
    source: 'retry',
  },
  { logType: 'EVENT_DEAD_LETTERED', level: 'error', message: 'Event parked as dead', source: 'park' },
  { logType: 'BATCH_COMPLETE', level: 'info', message: 'Batch complete', source: 'appendBatch' },
  { logType: 'APPENDS_BLOCKED', level: 'warn', message: 'Appends wait for a lock', source: 'blocked' },
  { logType: 'CONSUMER', level: 'info', message: 'Consumer changed state', source: 'consumer' },
  { logType: 'CHECKPOINT', level: 'debug', message: 'Checkpoint kept', source: 'checkpoint' },
  { logType: 'LEASE', level: 'info', message: 'Lease changed hands', source: 'lease' },
  { logType: 'GENERATION', level: 'info', message: 'Generation changed', source: 'generation' },
];
