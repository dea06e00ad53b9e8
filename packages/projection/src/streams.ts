// Stream processing: windows over events, and what is emitted by folds.
export {
  windows,
  type Unreduced,
  type ValueOf,
  type ValuesOf,
  type Windows,
  type WindowsParts,
} from './windows/windows.js';
export { WindowsReader } from './windows/windows-reader.js';
export { windowFold, type WindowFold, type UnreducedFold } from './windows/window-fold.js';
export {
  session,
  sliding,
  tumbling,
  type Lateness,
  type SessionOptions,
  type SlidingCount,
  type SlidingTime,
  type TumblingTime,
  type WindowShape,
} from './windows/shapes.js';
export type { ClosedWindow, WindowDocument, WindowResult } from './windows/window-document.js';
export { reducer, type Reducer, type ReducerParts, type Reducers } from './windows/reducer.js';
export { average, count, max, min, sum, type NumberOf } from './windows/number-reducers.js';
export { distinct, type DistinctCount, type LabelOf } from './windows/distinct.js';
export { percentiles, type Percentiles } from './windows/percentiles.js';
export { mostFrequent, top, type Frequent, type FrequentOptions } from './windows/top.js';
export type { Emit, KeptResult } from './results/emit.js';
export type { ResultsQuery } from './results/list-results.js';
