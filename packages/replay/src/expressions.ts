/** Questions to states and streams, in the expression language of filters. */
export { streamQuestion } from './stream-question.js';
export { bisect, bisectAll, type BisectAllOptions, type BisectOptions, type Bisected } from './bisect.js';
