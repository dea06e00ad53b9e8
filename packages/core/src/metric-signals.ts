import type { Observer } from './observer.js';

/**
 * A row of the signal table, the only place where names, units, attributes and buckets live (spans and log lines are in
 * `span-signals.ts`). Reference, Prometheus rules and dashboards are generated from it. Durations are seconds. Ids of
 * streams, events and flows never appear in a metric's attributes.
 */
export interface MetricSignal {
  /** The OpenTelemetry instrument. */
  readonly name: `backstory.${string}`;
  /** The Prometheus name that the requirements ask for, where there is one. */
  readonly prometheus?: string;
  readonly kind: 'counter' | 'histogram' | 'gauge' | 'up-down-counter';
  /** UCUM, as OpenTelemetry writes it. */
  readonly unit: string;
  readonly attributes: readonly string[];
  /** Upper bounds; every histogram has its own, because the defaults are meant for milliseconds. */
  readonly buckets?: readonly number[];
  /** Who reports it: a seam of the Observer, or a sampler that looks from outside so that a dead consumer cannot hide. */
  readonly source: keyof Observer | 'sampler';
  readonly help: string;
}

const FAST = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const OWN_COST = [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 0.001, 0.01];
const MESSAGING = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const LATENCY = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 3_600, 21_600];
const COUNT = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000];

type Row = readonly [
  name: string,
  unit: string,
  attributes: readonly string[],
  source: MetricSignal['source'],
  help: string,
  prometheus?: string,
];

function counters(...rows: readonly Row[]): MetricSignal[] {
  return rows.map((row) => signal('counter', row));
}

function histograms(buckets: readonly number[], ...rows: readonly Row[]): MetricSignal[] {
  return rows.map((row) => ({ ...signal('histogram', row), buckets }));
}

function gauges(...rows: readonly Row[]): MetricSignal[] {
  return rows.map((row) => signal('gauge', row));
}

function signal(
  kind: MetricSignal['kind'],
  [name, unit, attributes, source, help, prometheus]: Row,
): MetricSignal {
  const common = { name: `backstory.${name}`, kind, unit, attributes, source, help } as const;
  return prometheus === undefined ? common : { ...common, prometheus };
}

const AGGREGATE = 'backstory.aggregate.type';
const EVENT = 'backstory.event.type';
const HANDLER = 'backstory.handler';
const ERROR = 'error.type';
const STORE = 'backstory.store';
const SUBSCRIPTION = 'backstory.subscription';
const PROJECTION = 'backstory.projection';
/** Several in one process may have a subscription of the same name. */
const APPLICATION = 'backstory.application';

/** Every metric that Backstory reports, in the order in which the reference lists them. */
export const metrics: readonly MetricSignal[] = [
  ...counters(
    ['events.appended', '{event}', [EVENT, AGGREGATE], 'record', 'Events recorded.', 'events_stored_total'],
    [
      'append.conflicts',
      '{conflict}',
      [AGGREGATE],
      'record',
      'Appends refused because the stream had moved on.',
    ],
    [
      'snapshot.lookups',
      '{lookup}',
      [AGGREGATE, 'result'],
      'snapshot',
      'Snapshots looked for: hit, miss or stale.',
    ],
    [
      'apply.errors',
      '{error}',
      [AGGREGATE, ERROR],
      'load',
      'Loads that failed because an event could not be folded.',
    ],
    [
      'events.published',
      '{event}',
      [EVENT, 'source'],
      'record',
      'Events recorded with followers woken, and transients delivered.',
      'events_published_total',
    ],
    ['events.routed', '{event}', ['rule', 'target', 'result'], 'route', 'Routing decisions.'],
    [
      'retry.scheduled',
      '{attempt}',
      [EVENT, HANDLER],
      'retry',
      'Attempts put off.',
      'events_retry_queued_total',
    ],
    [
      'retry.attempts',
      '{attempt}',
      [EVENT, HANDLER, 'outcome'],
      'handle',
      'Attempts after the first.',
      'events_retried_total',
    ],
    [
      'dead_letter.moved',
      '{event}',
      [EVENT, HANDLER, ERROR],
      'park',
      'Events parked as dead.',
      'events_dead_lettered_total',
    ],
    [
      'dead_letter.reprocessed',
      '{event}',
      [EVENT, 'outcome'],
      'park',
      'Parked events tried again on request.',
      'events_reprocessed_total',
    ],
    [
      'projection.events',
      '{event}',
      [PROJECTION, 'result'],
      'project',
      'Events that projections applied, skipped or failed at.',
    ],
    [
      'telemetry.dropped',
      '{item}',
      ['signal'],
      'sampler',
      'Observations and alerts that could not be delivered.',
    ],
  ),
  ...histograms(
    FAST,
    [
      'append.duration',
      's',
      [AGGREGATE, ERROR],
      'record',
      'Time to record an append.',
      'events_storage_duration_seconds',
    ],
    ['load.duration', 's', [AGGREGATE, 'source'], 'load', 'Time to rebuild an aggregate.'],
    ['snapshot.duration', 's', [AGGREGATE, 'operation'], 'snapshot', 'Time to read or write a snapshot.'],
    [
      'publish.duration',
      's',
      [EVENT, 'source', ERROR],
      'publish',
      'Time to publish an event.',
      'events_published_duration_seconds',
    ],
    ['append.batch.duration', 's', [STORE], 'appendBatch', 'Time of one transaction of a group commit.'],
    [
      'append.batch.wait',
      's',
      [STORE],
      'appendBatch',
      'Longest wait of an append before its batch was sent.',
    ],
    [
      'append.lock.wait',
      's',
      [STORE],
      'appendBatch',
      'How long other writers kept the log locked for one transaction of a group commit.',
    ],
  ),
  ...histograms(OWN_COST, [
    'telemetry.self.duration',
    's',
    ['signal'],
    'sampler',
    'What telling a signal takes: one time in 1,024.',
  ]),
  ...histograms(
    MESSAGING,
    [
      'command.duration',
      's',
      ['backstory.command.type', AGGREGATE, 'outcome', ERROR],
      'command',
      'Time of a command with its retries.',
    ],
    [
      'process.duration',
      's',
      [EVENT, HANDLER, ERROR],
      'handle',
      'Time of one attempt of a handler.',
      'events_handling_duration_seconds',
    ],
    ['projection.batch.duration', 's', [PROJECTION, ERROR], 'project', 'Time of one batch of a projection.'],
  ),
  ...histograms(LATENCY, [
    'delivery.latency',
    's',
    [EVENT, HANDLER],
    'handle',
    'From when an event occurred until it was handled.',
  ]),
  ...histograms(
    COUNT,
    ['append.batch.size', '{event}', [AGGREGATE], 'record', 'Events in one append.'],
    ['append.batch.fill', '{event}', [STORE], 'appendBatch', 'Events in one transaction of a group commit.'],
    ['load.events', '{event}', [AGGREGATE, 'source'], 'load', 'Events folded to rebuild an aggregate.'],
    ['projection.batch.size', '{event}', [PROJECTION], 'project', 'Events in one batch of a projection.'],
  ),
  signal('up-down-counter', [
    'handlers.active',
    '{handler}',
    [HANDLER, EVENT],
    'handle',
    'Handlers at work.',
    'events_handlers_active',
  ]),
  ...gauges(
    ['append.queue.size', '{append}', [STORE], 'appendBatch', 'Appends waiting for the next batch.'],
    [
      'retry.queue.size',
      '{event}',
      [SUBSCRIPTION, APPLICATION],
      'sampler',
      'Keys whose next event waits for another attempt.',
      'events_retry_queue_size',
    ],
    [
      'retry.queue.oldest_age',
      's',
      [SUBSCRIPTION, APPLICATION],
      'sampler',
      'Age of the oldest event waiting for another attempt.',
    ],
    [
      'dead_letter.queue.size',
      '{event}',
      [SUBSCRIPTION, HANDLER, APPLICATION],
      'sampler',
      'Keys whose next event is parked as dead.',
      'events_dead_letter_queue_size',
    ],
    [
      'dead_letter.oldest_age',
      's',
      [SUBSCRIPTION, HANDLER, APPLICATION],
      'sampler',
      'Age of the oldest event parked as dead.',
    ],
    ['store.head_position', '{position}', [STORE], 'sampler', 'The last position of the log.'],
    ['store.events', '{event}', [STORE], 'sampler', 'Events in the log.'],
    ['store.streams', '{stream}', [STORE], 'sampler', 'Streams in the log, with those of the framework.'],
    [
      'store.size',
      'By',
      [STORE],
      'sampler',
      'What the store takes, with its indexes and what is kept beside the log.',
    ],
    [
      'subscription.position',
      '{position}',
      [SUBSCRIPTION, APPLICATION],
      'sampler',
      'How far a consumer has come.',
    ],
    [
      'subscription.lag.events',
      '{event}',
      [SUBSCRIPTION, APPLICATION],
      'sampler',
      'Positions between a consumer and the head.',
    ],
    [
      'subscription.lag.time',
      's',
      [SUBSCRIPTION, APPLICATION],
      'sampler',
      'Age of the first event a consumer has not dealt with; 0 when caught up.',
    ],
    [
      'subscription.checkpoint.age',
      's',
      [SUBSCRIPTION, APPLICATION],
      'sampler',
      'Time since a consumer last kept a checkpoint.',
    ],
    [
      'subscription.state',
      '1',
      [SUBSCRIPTION, 'state', APPLICATION],
      'sampler',
      '1 for the state that a consumer is in, 0 for the others.',
    ],
    [
      'projection.progress',
      '1',
      [PROJECTION, 'generation', APPLICATION],
      'sampler',
      'Part of the log that a generation of a projection has folded, also of one that is being built: 0 to 1.',
    ],
    [
      'subscription.buffer.size',
      '{event}',
      [SUBSCRIPTION, APPLICATION],
      'sampler',
      'Events read and not yet handled.',
    ],
    [
      'subscription.back_pressure',
      '1',
      [SUBSCRIPTION, APPLICATION],
      'sampler',
      '1 while a consumer reads no more because its buffer is full.',
    ],
    ['process.memory', 'By', [], 'sampler', 'Memory of this process (resident set).'],
    [
      'process.memory.share',
      '1',
      ['of'],
      'sampler',
      'Share of the memory that this process may take: resident, of the machine or its container; heap, of what V8 allows.',
    ],
    ['process.cpu', '1', [], 'sampler', 'Processors that this process keeps busy; 1 is one of them.'],
    ['process.event_loop.delay', 's', [], 'sampler', 'How late the event loop is, at the 99th percentile.'],
  ),
];
