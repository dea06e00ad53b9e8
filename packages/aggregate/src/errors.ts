import { BackstoryError } from '@backstory/core';

/** An event was raised or read for which the aggregate has no handler. */
export class MissingHandler extends BackstoryError {
  readonly code = 'BACKSTORY_MISSING_HANDLER';
  constructor(
    readonly aggregate: string,
    readonly event: string,
  ) {
    super(
      `${aggregate} has no handler for ${event}: add a method with @EventHandler(${event}), ` +
        `or @Ignores(${event}) on the class if it rightly changes nothing; in a decider, add it to events and evolve.`,
    );
  }
}

/** A fold returned a promise. State must follow from events alone, at once. */
export class AsyncFold extends BackstoryError {
  readonly code = 'BACKSTORY_ASYNC_FOLD';
  constructor(
    /** `Account.deposited` */
    readonly handler: string,
  ) {
    super(
      `${handler} is asynchronous, but a fold must be done when it returns: do the waiting before the event is raised, and put its result in the event.`,
    );
  }
}

/** A command of a decider returned a promise. A decision follows from the state it is given, at once. */
export class AsyncDecision extends BackstoryError {
  readonly code = 'BACKSTORY_ASYNC_DECISION';
  constructor(
    /** `account.withdraw` */
    readonly command: string,
  ) {
    super(
      `${command} is asynchronous or a generator, but it must return its events: await what it needs before it is called, and give it the result.`,
    );
  }
}

/** A command of a decider returned something else than events. Nothing was raised. */
export class InvalidDecision extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_DECISION';
  constructor(
    /** `account.withdraw` */
    readonly command: string,
    /** What it returned, or what was in its list. */
    readonly decided: string,
  ) {
    super(
      `${command} decided ${decided}, which is no event: return an instance of an event class, a list of them, or undefined where nothing happens.`,
    );
  }
}

/** What a decider's `evolve` did is no new state. */
export class InvalidEvolution extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_EVOLUTION';
  constructor(
    /** `account.evolve.Deposited` */
    readonly handler: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`it ${problem}`, options);
  }
}

/** A fold raised an event. It would be raised again on every replay. */
export class RaiseInFold extends BackstoryError {
  readonly code = 'BACKSTORY_RAISE_IN_FOLD';
  constructor(
    readonly handler: string,
    readonly event: string,
  ) {
    super(`${handler} raised ${event} while folding: raise both events in the method that decides.`);
  }
}

/** A handler threw while the event was being raised. Nothing is recorded. */
export class RaiseFailed extends BackstoryError {
  readonly code = 'BACKSTORY_RAISE_FAILED';
  constructor(
    readonly aggregate: string,
    readonly id: string,
    readonly type: string,
    readonly handler: string,
    options: { readonly cause: unknown },
  ) {
    super(
      `${handler} cannot fold ${type}, raised on ${aggregate} ${id}: ${textOf(options.cause)}.` +
        (options.cause instanceof InvalidEvolution
          ? ''
          : ' Check before raising: a handler only applies what has happened.'),
      options,
    );
  }
}

/** A recorded event could not be folded. */
export class FoldFailed extends BackstoryError {
  readonly code = 'BACKSTORY_FOLD_FAILED';
  constructor(
    readonly stream: string,
    readonly version: number,
    readonly type: string,
    readonly handler: string,
    options: { readonly cause: unknown },
  ) {
    super(
      `${handler} cannot fold ${type} (${stream} version ${version}): ${textOf(options.cause)}. ` +
        'What is recorded has happened: make the handler accept it.',
      options,
    );
  }
}

/** State was changed by something else than the handler of an event. It would be lost when the aggregate is loaded again. */
export class ChangedWithoutEvent extends BackstoryError {
  readonly code = 'BACKSTORY_CHANGED_WITHOUT_EVENT';
  constructor(
    readonly aggregate: string,
    readonly id: string,
    /** Those that are not what the events made them. */
    readonly properties: readonly string[],
  ) {
    super(
      `${aggregate} ${id} changed its state in another way than by its events (${properties.join(', ')}): ` +
        'raise an event, and change it in its handler from what the event says.',
    );
  }
}

/** The events given to fold do not continue where the aggregate is. */
export class NotTheNextEvent extends BackstoryError {
  readonly code = 'BACKSTORY_NOT_THE_NEXT_EVENT';
  constructor(
    readonly stream: string,
    readonly version: number,
    readonly wanted: number,
  ) {
    super(
      `${stream} version ${version} was given to an aggregate that needs version ${wanted}: fold a stream from its beginning, without gaps.`,
    );
  }
}

/** An instance whose state can no longer be trusted, because a fold failed half way or it ran ahead of the log. */
export class AggregateUnusable extends BackstoryError {
  readonly code = 'BACKSTORY_AGGREGATE_UNUSABLE';
  constructor(
    readonly aggregate: string,
    readonly id: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`This instance of ${aggregate} ${id} cannot be used any more (${reason}): load it again.`, options);
  }
}

/** An aggregate as it was in the past, which cannot change. */
export class ReadOnlyAggregate extends BackstoryError {
  readonly code = 'BACKSTORY_READ_ONLY_AGGREGATE';
  constructor(
    readonly aggregate: string,
    readonly id: string,
    /** `at version 3` */
    readonly as: string,
  ) {
    super(
      `${aggregate} ${id} was loaded as it was ${as} and is read-only: load it without a point in time to change it.`,
    );
  }
}

/** An event was raised on an instance whose update is over: nobody would record it. */
export class UpdateOver extends BackstoryError {
  readonly code = 'BACKSTORY_UPDATE_OVER';
  constructor(
    readonly aggregate: string,
    readonly id: string,
  ) {
    super(
      `${aggregate} ${id} can raise nothing more, because its update is over: await everything inside the function, or load it again.`,
    );
  }
}

/** An aggregate that was made with `new`, or that uses its id in its constructor. */
export class AggregateWithoutId extends BackstoryError {
  readonly code = 'BACKSTORY_AGGREGATE_WITHOUT_ID';
  constructor(readonly aggregate: string) {
    super(
      `This ${aggregate} has no id: make it with repository.create(id), and use id, version and raise after its constructor.`,
    );
  }
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
