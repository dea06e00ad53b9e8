import type { ExpectedVersion } from './event-store.js';

/**
 * The root of everything that Backstory throws on purpose. `code` is stable; the facts are fields;
 * the message says what to do next.
 */
export abstract class BackstoryError extends Error {
  abstract readonly code: `BACKSTORY_${string}`;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    Object.defineProperty(this, 'name', { value: new.target.name, configurable: true });
  }

  /** The fields of this error, without code, message and cause. For logs and `--json`. */
  get facts(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(Object.entries(this).filter(([name]) => name !== 'code'));
  }
}

/** Somebody else appended to the stream first. Nothing was written. */
export class VersionConflict extends BackstoryError {
  readonly code = 'BACKSTORY_VERSION_CONFLICT';
  constructor(
    readonly stream: string,
    readonly expected: ExpectedVersion,
    readonly actual: number,
  ) {
    super(
      typeof expected === 'number'
        ? `${stream} is at version ${actual}, not ${expected}: load it again and decide again.`
        : `${stream} is at version ${actual}, but was expected to be "${expected}": load it again and decide again.`,
    );
  }
}

/** An event id is in the log already, in another append. Nothing was written. */
export class EventIdReused extends BackstoryError {
  readonly code = 'BACKSTORY_EVENT_ID_REUSED';
  constructor(
    readonly eventId: string,
    readonly stream: string,
  ) {
    super(
      `Event id ${eventId} is already recorded and this append to ${stream} is not a repetition of the one that recorded it: ` +
        'give new events new ids, or repeat the first append exactly.',
    );
  }
}

/** What is wrong with an append that no store may accept. */
export type AppendProblem =
  | 'empty'
  | 'stream'
  | 'stream-twice'
  | 'expected'
  | 'id'
  | 'id-twice'
  | 'type'
  | 'schema-version'
  | 'data'
  | 'metadata'
  | 'too-large'
  | 'too-many'
  | 'too-deep'
  | 'restore-order';

/** Bad input, refused by every store with this same error before anything is written. */
export class InvalidAppend extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_APPEND';
  constructor(
    readonly problem: AppendProblem,
    /** Where in the append, e.g. `writes[0].events[2].type`. */
    readonly path: string,
    message: string,
  ) {
    super(`${path}: ${message}`);
  }
}

/** A read with bounds or filters that mean nothing, or that this store could only answer by scanning the log. */
export class InvalidQuery extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_QUERY';
  constructor(
    readonly option: string,
    message: string,
  ) {
    super(`${option}: ${message}`);
  }
}

/** `restore` was asked to fill a log that has events. */
export class LogNotEmpty extends BackstoryError {
  readonly code = 'BACKSTORY_LOG_NOT_EMPTY';
  constructor(readonly head: number) {
    super(`The log already has events up to position ${head}: restore into a new, empty log.`);
  }
}

/** The store cannot be reached or is busy for now. An append under way may or may not have been recorded. */
export class StoreUnavailable extends BackstoryError {
  readonly code = 'BACKSTORY_STORE_UNAVAILABLE';
  constructor(
    readonly store: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `${store} is not available: ${reason}. Try again; an append may be repeated with the same event ids.`,
      options,
    );
  }
}

/** Why a store cannot be used until somebody does something about it. */
export type StoreProblem =
  | 'corrupt'
  | 'read-only'
  | 'standby'
  | 'full'
  | 'older-schema'
  | 'newer-schema'
  | 'not-a-store'
  | 'missing'
  | 'unsupported';

/** The store is there and cannot be used as it is. Trying again does not help. */
export class StoreUnusable extends BackstoryError {
  readonly code = 'BACKSTORY_STORE_UNUSABLE';
  constructor(
    readonly store: string,
    readonly problem: StoreProblem,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${store}: ${message}`, options);
  }
}

/** The store was closed by this process. */
export class StoreClosed extends BackstoryError {
  readonly code = 'BACKSTORY_STORE_CLOSED';
  constructor(readonly store: string) {
    super(
      `${store} is closed: open it again, or wait for everything that uses it (await) before closing it.`,
    );
  }
}

/** The store stayed unreachable, so nobody knows whether the append was recorded. */
export class AppendOutcomeUnknown extends BackstoryError {
  readonly code = 'BACKSTORY_APPEND_OUTCOME_UNKNOWN';
  constructor(
    readonly appendId: string,
    readonly waitedMs: number,
    options?: ErrorOptions,
  ) {
    super(
      `The store could not be reached for ${waitedMs} ms, so append ${appendId} may or may not be recorded: ` +
        'repeat it with { appendId }, which records it once.',
      options,
    );
  }
}

/** The connection was lost while a transaction committed, so nobody knows whether it did. */
export class TransactionOutcomeUnknown extends BackstoryError {
  readonly code = 'BACKSTORY_TRANSACTION_OUTCOME_UNKNOWN';
  constructor(
    readonly store: string,
    /** What its appends are derived from, where it is known. */
    readonly commandId?: string,
    options?: ErrorOptions,
  ) {
    const same = commandId === undefined ? 'the same event ids' : `{ commandId: '${commandId}' }`;
    super(
      `${store}: the connection was lost while a transaction committed, so it may or may not have: ` +
        `run it again with ${same}, which commits it once.`,
      options,
    );
  }
}

/** A checkpoint does not belong to this log any more: it was restored, replaced or lost events. */
export class LogDiverged extends BackstoryError {
  readonly code = 'BACKSTORY_LOG_DIVERGED';
  constructor(
    readonly checkpoint: { readonly logId: string; readonly epoch: number; readonly through: number },
    readonly log: { readonly logId: string; readonly epoch: number; readonly head: number },
    readonly reason: string,
  ) {
    super(
      `The log is not the one this checkpoint was taken from (${reason}). Nothing was skipped. ` +
        'Find out what was lost, then reset the consumer or adopt the log.',
    );
  }
}

/** Somebody else holds the lease now. Nothing was written. */
export class FenceLost extends BackstoryError {
  readonly code = 'BACKSTORY_FENCE_LOST';
  constructor(
    /** Named `lease` rather than `name`: errors have a name of their own. */
    readonly lease: string,
    readonly token: number,
  ) {
    super(
      `Lease ${lease} is not held with token ${token} any more: stop this work; its new owner carries on from the last commit.`,
    );
  }
}

/** What was asked inside the work of a state transaction can only happen after it: waiting for it would never end. */
export class InsideTransaction extends BackstoryError {
  readonly code = 'BACKSTORY_INSIDE_TRANSACTION';
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
  readonly code = 'BACKSTORY_TRANSACTION_TIMED_OUT';
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

/** A statement inside a state transaction or a read was refused, by the store or by its database. What it belongs to is rolled back. */
export class StatementFailed extends BackstoryError {
  readonly code = 'BACKSTORY_STATEMENT_FAILED';
  constructor(
    readonly statement: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`A statement was refused: ${reason}. It is: ${statement.trim().slice(0, 300)}`, options);
  }
}

/** A collection, key or value that no state store may accept. Nothing was written. */
export class InvalidStateEntry extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_STATE_ENTRY';
  constructor(
    readonly part: 'collection' | 'key' | 'value' | 'lease' | 'limit',
    message: string,
  ) {
    super(`The ${part} of a state entry ${message}`);
  }
}

/** A record in a format that this release does not read. */
export class UnknownFormat extends BackstoryError {
  readonly code = 'BACKSTORY_UNKNOWN_FORMAT';
  constructor(
    readonly wanted: string,
    readonly found: string,
  ) {
    super(
      `Expected the format ${wanted} and found ${found}: a newer release wrote it, or it is something else.`,
    );
  }
}
