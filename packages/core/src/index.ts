export type {
  EventMetadata,
  EventPriority,
  NewEvent,
  RecordedEvent,
  StampedEvent,
  StoredEvent,
} from './event.js';
export { readRecorded, recordedWith } from './event.js';
export type {
  AppendResult,
  EventStore,
  ExpectedVersion,
  LogIdentity,
  LogPage,
  LogQuery,
  StreamHead,
  StreamSlice,
  Write,
} from './event-store.js';
export type { StateStore } from './state-store.js';
export type { OpenOptions, OpenStorage, Storage } from './storage.js';
export type { StoreTransaction } from './store-transaction.js';
export { Context } from './context.js';
export type { ContextFields } from './context-fields.js';
export { Recorder, type NewWrite, type RecordResult } from './recorder.js';
export { follow, type FollowedPage } from './follow.js';
export { memory } from './memory.js';
export { categoryOf, idOf, streamName } from './stream-name.js';
export { deriveId, newId } from './ids.js';
export {
  AppendOutcomeUnknown,
  BackstoryError,
  EventIdReused,
  InvalidAppend,
  InvalidQuery,
  LogDiverged,
  StoreUnavailable,
  StoreUnusable,
  TransactionOutcomeUnknown,
  VersionConflict,
} from './errors.js';
