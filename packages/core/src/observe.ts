/** For those who observe: the seams and the table of signals. */
export { CONFLICT, errorType } from './error-type.js';
export { guarded, selfGuarded } from './guarded.js';
export { flowOf, observedEvent, tracesOf } from './observed-event.js';
export { silent } from './observer.js';
export type {
  AppendBatch,
  AppendTrace,
  AppendsBlocked,
  PublishStart,
  PublishEnd,
  ProjectStart,
  ProjectEnd,
  ObservedEvent,
  EventRouted,
  ConsumerChanged,
  Around,
  CheckpointWritten,
  CommandEnd,
  CommandStart,
  GenerationChanged,
  HandleEnd,
  HandleStart,
  KeyParked,
  LeaseChanged,
  LoadEnd,
  LoadStart,
  Observer,
  PageRead,
  RecordEnd,
  RecordStart,
  ReplayEnded,
  RetryScheduled,
  SnapshotEnd,
  SnapshotStart,
  ObservedFlow,
  TraceContext,
} from './observer.js';
export { metrics, type MetricSignal } from './metric-signals.js';
export { logs, spans, type LogSignal, type SpanSignal } from './span-signals.js';
