import { BackstoryError } from '@backstory/core';

/** An event does not say of which process it is. */
export class ProcessIdMissing extends BackstoryError {
  readonly code = 'BACKSTORY_PROCESS_ID_MISSING';
  constructor(
    readonly process: string,
    readonly eventType: string,
  ) {
    super(
      `${eventType} does not say of which ${process} it is: let the id of @ProcessManager give text that is not empty.`,
    );
  }
}
