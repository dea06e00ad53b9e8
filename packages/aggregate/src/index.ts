export { Aggregate } from './aggregate-decorator.js';
export { modelOf } from './aggregate-model.js';
export type { AggregateModel, InstanceUse, RestoredAt } from './aggregate-model.js';
export { recordOf } from './aggregate-record.js';
export type { AggregateRecord } from './aggregate-record.js';
export { decider } from './decider.js';
export type { CommandTable, DeciderClass, DeciderParts, Decision, EventTable, Evolve } from './decider.js';
export {
  AggregateUnusable,
  AggregateWithoutId,
  AsyncDecision,
  AsyncFold,
  ChangedWithoutEvent,
  FoldFailed,
  InvalidDecision,
  InvalidEvolution,
  MissingHandler,
  NotTheNextEvent,
  RaiseFailed,
  RaiseInFold,
  ReadOnlyAggregate,
  UpdateOver,
} from './errors.js';
export { isProduction } from './is-production.js';
export { checkState, strayChange } from './state-check.js';
export { EventSourcedAggregate } from './event-sourced-aggregate.js';
export type { RaiseMetadata } from './raise.js';
export type { SnapshotPolicy, StateOptions } from './state-options.js';
