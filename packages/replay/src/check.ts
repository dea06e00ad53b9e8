/** Does present code make of recorded history what earlier code made of it? Digests of declared state, and what differs. */
export {
  FindingGroups,
  compareTrails,
  faultsOf,
  type CompareOptions,
  type Finding,
  type FindingGroup,
} from './check/compare.js';
export { PurityWatch } from './check/purity.js';
export type { FoldFailure } from './fold-failure.js';
export {
  UnusableRecord,
  digestedOf,
  readTrailLine,
  trailLine,
  type TrailsFooter,
  type TrailsHeader,
} from './check/record-format.js';
export {
  foldTrail,
  type Trail,
  type TrailImpurity,
  type TrailOptions,
  type TrailStep,
} from './check/trail.js';
