export {
  blame,
  valueHistory,
  type Blame,
  type BlameOptions,
  type BlamedLine,
  type ValueStep,
} from './blame.js';
export { causeChain, type CauseChain } from './cause-chain.js';
export { changesBetween, type Change } from './changes.js';
export { causesOf } from './causes.js';
export { diff, type Diff } from './diff.js';
export { FlowNotFound, NoAggregate, NoSuchPath, StreamNotFound, UnreadableState } from './errors.js';
export { history, type HistoryRange, type HistoryStep } from './history.js';
export { events, streams } from './log.js';
export { ReplayCursor, type CursorStep } from './replay-cursor.js';
export type { CursorFailure } from './rewindable-fold.js';
export type { CursorWait } from './pace.js';
export { valueAt } from './value-at.js';
export { stateAt, type Moment, type StateAt } from './state-at.js';
export { stats, type CategoryStats, type Stats, type StatsOptions, type TypeStats } from './stats.js';
export { headOf, type ReplaySource } from './stream-fold.js';
export { trace, type Trace, type TraceNode, type TraceOptions } from './trace.js';
export type { StreamsQuery } from '@backstory/core/store';
export { VersionOutOfRange } from '@backstory/repository';
