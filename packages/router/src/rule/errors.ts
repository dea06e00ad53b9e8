import { BackstoryError } from '@backstory/core';

/** A routing rule that cannot mean what it says. It was not added. */
export class InvalidRule extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_RULE';
  constructor(
    readonly rule: string,
    readonly problem: string,
  ) {
    super(`Rule ${rule} ${problem}`);
  }
}
