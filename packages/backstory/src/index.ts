export { defineBackstory, type Backstory, type BackstoryOptions } from './definition.js';
export type { App } from './app.js';
export type { RecordOptions } from './record-options.js';
export { Aggregate, EventSourcedAggregate, decider } from '@backstory/aggregate';
export {
  Context,
  follow,
  memory,
  readRecorded,
  AppendOutcomeUnknown,
  BackstoryError,
  LogDiverged,
  StoreUnavailable,
  StoreUnusable,
  TransactionOutcomeUnknown,
  VersionConflict,
  type EventMetadata,
  type EventStore,
  type ExpectedVersion,
  type LogQuery,
  type RecordedEvent,
  type Storage,
} from '@backstory/core';
export {
  DomainEvent,
  EventHandler,
  Field,
  Fields,
  Ignores,
  Big,
  bigint,
  decimal,
  instant,
  listOf,
  mapOf,
  nested,
  setOf,
  InvalidData,
} from '@backstory/events';
export {
  AggregateNotFound,
  UpdateConflict,
  VersionOutOfRange,
  type Repository,
  type UpdateOptions,
} from '@backstory/repository';
export { sqlite } from '@backstory/sqlite';
