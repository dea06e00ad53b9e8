export { Projection } from './definition/projection-decorator.js';
export type { ProjectionOptions } from './definition/projection-options.js';
export { deleted, type Deleted } from './definition/deleted.js';
export {
  projection,
  type FunctionalProjection,
  type ProjectionParts,
} from './definition/functional-projection.js';
export {
  projectionName,
  type DocumentSource,
  type ProjectionSource,
} from './definition/projection-source.js';
export { Projections, type FillOptions, type ProjectionsParts } from './projections.js';
export type { AskedBy } from '@backstory/core/administration';
export type { RebuildOptions, VerifyOptions, Which } from './admin-options.js';
export type { FeedState, GenerationStatus, Lag, ProjectionStatus } from './status.js';
export type { Swapped } from './generation/swap.js';
export type { ContentDigest } from './generation/content.js';
export type { DocumentDifference } from './generation/comparison.js';
export type { Side, Verification } from './generation/verification.js';
export { DocumentsAsOf, type AsOfCost, type AsOfOptions, type Evaluated } from './read/as-of.js';
export { Documents } from './read/documents.js';
export type { CaughtUpOptions } from './read/given.js';
export type { FindQuery, FoundPage } from './read/find.js';
export type { Comparable, Wanted, Where } from './read/condition.js';
export {
  AsOfTooCostly,
  GenerationUnusable,
  InvalidFind,
  NotCaughtUp,
  ProjectionChanged,
  ProjectionExists,
  ProjectionFailed,
  ProjectionNotFound,
} from './errors.js';
