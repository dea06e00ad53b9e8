/** Questions to states, events and streams: an expression language that can do nothing but look. */
export { Expression } from './expression.js';
export type { Names } from './expression-compiler.js';
export { InvalidExpression } from './invalid-expression.js';
export { eventQuestion, streamQuestion } from './log-question.js';
export { bisect, bisectAll, type BisectAllOptions, type BisectOptions, type Bisected } from './bisect.js';
