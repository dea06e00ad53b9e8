import { BackstoryError, VersionConflict } from '@backstory/core';
import { LIMITS } from '@backstory/core/store';

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
        ? `${aggregate} ${id} did not exist yet: ask for a time from ${began.toISOString()}, when its first event was recorded.`
        : `There is no ${aggregate} ${id}: check the id, or update with { create: true } to begin it.`,
    );
  }
}

/** A version was asked for that the stream does not have. */
export class VersionOutOfRange extends BackstoryError {
  readonly code = 'BACKSTORY_VERSION_OUT_OF_RANGE';
  constructor(
    readonly stream: string,
    readonly wanted: number,
    /** The version the stream is at. */
    readonly actual: number,
  ) {
    super(
      `${stream} is at version ${actual}, so it has no version ${wanted}: choose one from 1 to ${actual}.`,
    );
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
        `and makes a stream name of at most ${LIMITS.stream} bytes.`,
    );
  }
}

/** An id that cannot tell commands apart. */
export class InvalidCommandId extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_COMMAND_ID';
  constructor(readonly commandId: unknown) {
    super(
      `${JSON.stringify(commandId) ?? typeof commandId} is not the id of a command: give text of at most ${LIMITS.idBytes} bytes that is ` +
        'not empty and has no control characters, or leave it out where commands are not repeated.',
    );
  }
}

/** Another command had been carried out under the id of this one. This one recorded nothing. */
export class CommandIdReused extends BackstoryError {
  readonly code = 'BACKSTORY_COMMAND_ID_REUSED';
  constructor(
    readonly stream: string,
    readonly commandId: string | undefined,
    /** The command that was carried out under this id. */
    readonly recorded: string,
    /** The one that was to be. */
    readonly command: string,
  ) {
    super(
      `${stream} has what ${recorded} recorded as ${String(commandId)}, so ${command} was not carried out: give each command an id of its own.`,
    );
  }
}

/** An aggregate was given to the repository of another class, in whose streams it has no place. */
export class ForeignAggregate extends BackstoryError {
  readonly code = 'BACKSTORY_FOREIGN_AGGREGATE';
  constructor(
    /** The class of the aggregate. */
    readonly aggregate: string,
    readonly id: string,
    /** The class whose aggregates the repository keeps. */
    readonly repository: string,
  ) {
    super(
      `${aggregate} ${id} cannot be saved with the repository of ${repository}: save it with the repository of ${aggregate}.`,
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

/** A load that began with a snapshot or the cache gave another state than the events do. Outside production only. */
export class SnapshotMismatch extends BackstoryError {
  readonly code = 'BACKSTORY_SNAPSHOT_MISMATCH';
  constructor(
    readonly stream: string,
    readonly version: number,
    /** The version of the state that the load began with. */
    readonly snapshot: number,
    /** Those that are not what the events make them. */
    readonly properties: readonly string[],
  ) {
    super(
      `${stream} at version ${version}, loaded from its state at version ${snapshot}, is not what its events make of it ` +
        `(${properties.join(', ')}). If a function that its handlers call has changed, raise the version in @Aggregate; ` +
        'else keep in its properties all that handlers need.',
    );
  }
}

/** Others changed the aggregate during every attempt of an `update`. Its cause is the last conflict. */
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
