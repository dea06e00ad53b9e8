export {
  AggregateNotFound,
  CommandIdReused,
  ForeignAggregate,
  InvalidAggregateId,
  InvalidCommandId,
  SaveInProgress,
  SnapshotMismatch,
  UpdateConflict,
  VersionOutOfRange,
} from './errors.js';
export type { PointInTime } from './load.js';
export { Repository } from './repository.js';
export type { RepositoryOptions, UpdateOptions, Updated } from './repository.js';
export { checkSnapshots, type SnapshotCheck, type SnapshotSource } from './check-snapshots.js';
export { restoreProblem } from './same-state.js';
export type { Saved, SaveOptions } from './save.js';
export { StateCache, checkCacheOptions } from './state-cache.js';
export type { CacheOptions, CachedState } from './state-cache.js';
