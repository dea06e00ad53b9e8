/** For those who observe: the seams and the table of signals. */
export { CONFLICT, errorType } from './error-type.js';
export { guarded, selfGuarded } from './guarded.js';
export { flowOf, observedEvent, tracesOf } from './observed-event.js';
export { silent } from './observer.js';
export type { Around, Observer } from './observer.js';
export type {
  AppendBatch,
  AppendTrace,
  AppendsBlocked,
  CheckpointWritten,
  ConsumerChanged,
  EventRouted,
  GenerationChanged,
  KeyParked,
  LeaseChanged,
  ObservedFlow,
  PageRead,
  ReplayEnded,
  RetryScheduled,
} from './observed-facts.js';
export type {
  CommandEnd,
  CommandStart,
  HandleEnd,
  HandleStart,
  LoadEnd,
  LoadStart,
  ObservedEvent,
  ProjectEnd,
  ProjectStart,
  PublishEnd,
  PublishStart,
  RecordEnd,
  RecordStart,
  SnapshotEnd,
  SnapshotStart,
} from './observed-work.js';
export type { TraceContext } from './trace-context.js';
export type { MetricSignal } from './metric-signal.js';
export { metrics } from './metric-signals.js';
export { logs, spans, type LogSignal, type SpanSignal } from './span-signals.js';
