import type { Backstory } from 'backstory';

/** What the command needs of the application that `defineBackstory` describes. */
export type Definition = Pick<
  Backstory,
  | 'name'
  | 'store'
  | 'state'
  | 'aggregates'
  | 'types'
  | 'rules'
  | 'projections'
  | 'projectionLeaseMs'
  | 'observability'
>;
