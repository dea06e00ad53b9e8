import { counters, gauges, histograms, signal, type MetricSignal } from './metric-signal.js';

const FAST = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const MESSAGING = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const LATENCY = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 3_600, 21_600];
const COUNT = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000];

const AGGREGATE = 'backstory.aggregate.type';
const EVENT = 'backstory.event.type';
const HANDLER = 'backstory.handler';
const ERROR = 'error.type';
const STORE = 'backstory.store';
const PROJECTION = 'backstory.projection';

/** What the seams of the Observer tell. */
export const seamMetrics: readonly MetricSignal[] = [
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
      'append.clock.held_back',
      's',
      [STORE],
      'appendBatch',
      'How far the time that the last append was given is ahead of the clock of this process: 0 unless clocks differ or were set back.',
    ],
  ),
];
