export {
  AggregateNotFound,
  ForeignAggregate,
  InvalidAggregateId,
  InvalidCommandId,
  SaveInProgress,
  UpdateConflict,
  VersionOutOfRange,
} from './errors.js';
export type { PointInTime } from './load.js';
export { Repository } from './repository.js';
export type { RepositoryOptions, UpdateOptions, Updated } from './repository.js';
export type { Saved, SaveOptions } from './save.js';
