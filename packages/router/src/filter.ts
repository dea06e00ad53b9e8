/** Which events are meant: of handlers, of rules, of reads of the log. */
export { Filter, type FilterExplanation } from './filter/filter.js';
export { where, type ValueFilter } from './filter/where.js';
export { Expression } from './expression/expression.js';
export type { Names } from './expression/expression-compiler.js';
export { InvalidExpression } from './expression/invalid-expression.js';
export type { KnownNames } from './filter/condition.js';
export type { Operand, Operator } from './filter/operand.js';
export type { PriorityOperator } from './filter/priority-condition.js';
export type { TimeRange } from './filter/time-condition.js';
export { FilterNotSerialisable, InvalidFilter } from './filter/errors.js';
