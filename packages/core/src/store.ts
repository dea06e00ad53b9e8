/** For those who write event stores, and for what is kept beside a log. */
export { AppendQueue, type AppendOutcome, type Committed } from './append-queue.js';
export { checkAppend, type CheckedAppend, type CheckedEvent, type CheckedWrite } from './append-check.js';
export { RestoreCheck, type CheckedRestore } from './restore-check.js';
export {
  resolveQuery,
  resolveSlice,
  resolveStreamsQuery,
  type ResolvedQuery,
  type ResolvedSlice,
  type ResolvedStreamsQuery,
} from './read-bounds.js';
export { byBytes } from './by-bytes.js';
export { headPages } from './head-pages.js';
export { readCheckpoint, verifyCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint.js';
export { readEnvelope, writeEnvelope } from './event-envelope.js';
export { readFormat } from './format.js';
export { knownOptions, type OptionNames } from './known-options.js';
export { InvalidOption, LONGEST_TIMER, numberOption } from './number-option.js';
export { LogNotEmpty, StoreClosed, UnknownFormat } from './errors.js';
export { appendIds } from './ids.js';
export { LIMITS, isName, isWellFormed } from './names.js';
export { MemoryEventStore } from './memory-event-store.js';
export { MemoryLog } from './memory-log.js';
export { Mutex } from './mutex.js';
export { WakeList } from './wake-list.js';
export { isSystemStream } from './stream-name.js';
export { outside } from './outside.js';
export type { StoreCapabilities, StreamsQuery, Unsubscribe } from './event-store.js';
