import { BackstoryError } from '@backstory/core';

/** What was asked inside the work of a state transaction can only happen after it: waiting for it would never end. */
export class InsideTransaction extends BackstoryError {
  readonly code = 'BACKSTORY_SQLITE_INSIDE_TRANSACTION';
  constructor(
    readonly store: string,
    readonly operation: string,
  ) {
    super(
      `${store}: ${operation} was called inside a state transaction, which holds the only writer until it ends: ` +
        'call it before or after the transaction.',
    );
  }
}

/** The work of a state transaction did not end in time. It was rolled back: nothing was written. */
export class TransactionTimedOut extends BackstoryError {
  readonly code = 'BACKSTORY_SQLITE_TRANSACTION_TIMED_OUT';
  constructor(
    readonly store: string,
    readonly timeoutMs: number,
  ) {
    super(
      `${store}: a state transaction was still at work after ${timeoutMs} ms and was rolled back: ` +
        'do less in one transaction, or raise transactionTimeoutMs.',
    );
  }
}
