import { BackstoryError } from '@backstory/core';
import type { UnstorableValue } from '@backstory/events';

/** The log holds no stream of this name. */
export class StreamNotFound extends BackstoryError {
  readonly code = 'BACKSTORY_STREAM_NOT_FOUND';
  constructor(
    readonly stream: string,
    /** Streams with similar names, the most similar first. */
    readonly near: readonly string[],
  ) {
    super(
      near.length > 0
        ? `There is no stream "${stream}": did you mean ${near.join(', ')}?`
        : `There is no stream "${stream}": list the streams to see what there is.`,
    );
  }
}

/** The log holds neither an event with this id nor one that carries it as correlation. */
export class FlowNotFound extends BackstoryError {
  readonly code = 'BACKSTORY_FLOW_NOT_FOUND';
  constructor(readonly id: string) {
    super(
      `"${id}" is neither the id of an event nor a correlation id in this log: list the events to see their ids.`,
    );
  }
}

/** A collector did not take spans. */
export class SpansNotTaken extends BackstoryError {
  readonly code = 'BACKSTORY_SPANS_NOT_TAKEN';
  constructor(
    readonly url: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `${url} ${reason}. Send them again when it takes them, which does no harm; or write them to a file.`,
      options,
    );
  }
}

/** An event that is no part of the flow that was asked for. */
export class EventNotInFlow extends BackstoryError {
  readonly code = 'BACKSTORY_EVENT_NOT_IN_FLOW';
  constructor(
    readonly id: string,
    readonly correlationId: string,
  ) {
    super(`The flow ${correlationId} has no event ${id}: see which it has with trace.`);
  }
}

/** A path that the state never had. */
export class NoSuchPath extends BackstoryError {
  readonly code = 'BACKSTORY_NO_SUCH_PATH';
  constructor(
    readonly stream: string,
    /** No version up to this one had it. */
    readonly version: number,
    readonly path: string,
    /** What there is in its place. */
    readonly known: readonly string[],
  ) {
    super(
      `${stream} never had ${path} up to version ${version}` +
        (known.length > 0 ? `: it has ${known.join(', ')}.` : ': its state has nothing of the kind.'),
    );
  }
}

/** Nobody said which aggregate folds the streams of this category. */
export class NoAggregate extends BackstoryError {
  readonly code = 'BACKSTORY_NO_AGGREGATE';
  constructor(
    readonly stream: string,
    readonly category: string,
    /** The categories that are known. */
    readonly known: readonly string[],
  ) {
    super(
      `No aggregate folds the category "${category}" of ${stream} (known: ${known.join(', ') || 'none'}): ` +
        `add the class with @Aggregate('${category}') to the application's aggregates.`,
    );
  }
}

/** A state that cannot be shown, because folding left a value in it that JSON cannot hold. */
export class UnreadableState extends BackstoryError {
  readonly code = 'BACKSTORY_UNREADABLE_STATE';
  readonly path: string;
  constructor(
    readonly stream: string,
    readonly version: number,
    /** The type of the event at that version. */
    readonly type: string | undefined,
    cause: UnstorableValue,
  ) {
    super(`${stream} at version ${version}${type === undefined ? '' : ` (${type})`}: ${cause.message}`, {
      cause,
    });
    this.path = cause.path;
  }
}
