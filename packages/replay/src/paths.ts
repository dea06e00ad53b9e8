/** For those who show states: paths, what stands at them, and the members of each part. */
export { formatStatePath, readStatePath, type KeyedStep, type StateStep } from './state-path.js';
export { membersOf, type StatePart } from './value-at.js';
export type { StateType } from './state-type.js';
