import { BackstoryError } from '@backstory/core';

/** What stopped `backstory init`. */
export type InitProblem = 'folder-in-use' | 'not-writable' | 'npm-failed';

/** A project could not be set up. Unless npm failed, nothing was written. */
export class InitFailed extends BackstoryError {
  readonly code = 'BACKSTORY_INIT_FAILED';
  constructor(
    readonly problem: InitProblem,
    readonly folder: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
