import { counters, gauges, histograms, type MetricSignal } from './metric-signal.js';

const OWN_COST = [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 0.001, 0.01];

const HANDLER = 'backstory.handler';
const STORE = 'backstory.store';
const SUBSCRIPTION = 'backstory.subscription';
const PROJECTION = 'backstory.projection';
/** Several in one process may have a subscription of the same name. */
const APPLICATION = 'backstory.application';

/** What a sampler sees that looks from outside, so that a dead consumer cannot hide, and what observing costs. */
export const sampledMetrics: readonly MetricSignal[] = [
  ...counters([
    'telemetry.dropped',
    '{item}',
    ['signal'],
    'sampler',
    'Observations and alerts that could not be delivered.',
  ]),
  ...histograms(OWN_COST, [
    'telemetry.self.duration',
    's',
    ['signal'],
    'sampler',
    'What telling a signal takes: one time in 1,024.',
  ]),
  ...gauges(
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
      'subscription.buffer.capacity',
      '{event}',
      [SUBSCRIPTION, APPLICATION],
      'sampler',
      'Events for which there is room in the processes that run a subscription.',
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
