// Stream processing: windows over events, patterns of events, and what is emitted by folds.
export { windows, type Windows, type WindowsParts } from './windows/windows.js';
export { WindowsReader } from './windows/windows-reader.js';
export { windowFold, type WindowFold } from './windows/window-fold.js';
export {
  session,
  sliding,
  tumbling,
  type SessionOptions,
  type SlidingCount,
  type SlidingTime,
  type TumblingTime,
  type WindowShape,
} from './windows/shapes.js';
export type { ClosedWindow, WindowDocument, WindowResult } from './windows/window-document.js';
export { reducer, type Reducer, type ReducerParts } from './windows/reducer.js';
export { average, count, max, min, sum } from './windows/number-reducers.js';
export { distinct, type DistinctCount } from './windows/distinct.js';
export { percentiles, type Percentiles } from './windows/percentiles.js';
export { mostFrequent, top, type Frequent } from './windows/top.js';
export { pattern, type Pattern, type PatternParts, type Sequence } from './patterns/pattern.js';
export { step, type Step, type StepOptions } from './patterns/step.js';
export type { PatternDocument, PatternMatch } from './patterns/pattern-fold.js';
export type { Emit, KeptResult } from './results/emit.js';
export type { ResultsQuery } from './results/list-results.js';
