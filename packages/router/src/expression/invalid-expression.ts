import { BackstoryError } from '@backstory/core';

/** An expression that cannot be read, or that asks for what there is not. */
export class InvalidExpression extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_EXPRESSION';
  constructor(
    readonly expression: string,
    /** `syntax`, `unsupported`, `unknown-name`, `unknown-function`. */
    readonly reason: string,
    message: string,
    /** Where in the expression, from 0. */
    readonly index?: number,
  ) {
    const place = index === undefined ? '' : `\n${expression}\n${' '.repeat(index)}^`;
    super(`The expression cannot be used: ${message}${/[\n\r]/.test(expression) ? '' : place}`);
  }
}
