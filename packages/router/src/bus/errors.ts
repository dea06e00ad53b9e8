import { BackstoryError } from '@backstory/core';

/** A handler was still at work when its time was over. It was told by its signal; what it does after that counts no more. */
export class HandlerTimedOut extends BackstoryError {
  readonly code = 'BACKSTORY_HANDLER_TIMED_OUT';
  constructor(
    readonly handler: string,
    readonly timeoutMs: number,
  ) {
    super(
      `${handler} did not end within ${timeoutMs} ms: give it more with timeoutMs, or let it end when its signal is aborted.`,
    );
  }
}

/** A middleware was still at work when its time was over. Nothing was recorded; what it answers after that counts no more. */
export class MiddlewareTimedOut extends BackstoryError {
  readonly code = 'BACKSTORY_MIDDLEWARE_TIMED_OUT';
  constructor(
    readonly stream: string,
    readonly timeoutMs: number,
  ) {
    super(
      `A middleware gave no answer within ${timeoutMs} ms for an event of ${stream}: nothing was recorded. Publish it again.`,
    );
  }
}

/** The bus takes no more events: its application is being closed. Nothing was recorded. */
export class BusClosed extends BackstoryError {
  readonly code = 'BACKSTORY_BUS_CLOSED';
  constructor() {
    super('The bus is closed: wait for what publishes before closing the application.');
  }
}
