import { BackstoryError, VersionConflict } from '@backstory/core';

/** Nothing has happened to this aggregate, or nothing yet at the time asked for. */
export class AggregateNotFound extends BackstoryError {
  readonly code = 'BACKSTORY_AGGREGATE_NOT_FOUND';
  constructor(
    readonly aggregate: string,
    readonly id: string,
    /** When its first event was recorded, where a time before that was asked for. */
    readonly began?: Date,
  ) {
    super(
      began
        ? `${aggregate} ${id} did not exist yet: its first event was recorded at ${began.toISOString()}.`
        : `There is no ${aggregate} ${id}: check the id, or update with { create: true } to begin it.`,
    );
  }
}

/** A version was asked for that the stream has not reached. */
export class VersionOutOfRange extends BackstoryError {
  readonly code = 'BACKSTORY_VERSION_OUT_OF_RANGE';
  constructor(
    readonly stream: string,
    readonly wanted: number,
    readonly actual: number,
  ) {
    super(`${stream} has versions 1 to ${actual}: version ${wanted} cannot be loaded.`);
  }
}

/** An id that cannot be part of a stream name. */
export class InvalidAggregateId extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_AGGREGATE_ID';
  constructor(
    readonly aggregate: string,
    readonly id: unknown,
  ) {
    super(
      `${JSON.stringify(id) ?? typeof id} is not an id for ${aggregate}: give text that is not empty, has no control characters, ` +
        'and makes a stream name of at most 512 bytes.',
    );
  }
}

/** An instance is being saved already. */
export class SaveInProgress extends BackstoryError {
  readonly code = 'BACKSTORY_SAVE_IN_PROGRESS';
  constructor(readonly stream: string) {
    super(`${stream} is being saved: wait for the first save before saving the same instance again.`);
  }
}

/** `update` met a conflict in every attempt. The last one. */
export class UpdateConflict extends VersionConflict {
  constructor(
    conflict: VersionConflict,
    readonly attempts: number,
  ) {
    super(conflict.stream, conflict.expected, conflict.actual);
    this.message =
      `${conflict.stream} was changed by others during each of ${attempts} attempts: ` +
      'try again later, allow more attempts, or split what is written to this often.';
    this.cause = conflict;
  }
}
