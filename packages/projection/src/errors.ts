import { BackstoryError, LogDiverged, type RecordedEvent, type StoredEvent } from '@backstory/core';
import { cut, messageOf } from '@backstory/core/state';

/**
 * A handler of a projection threw, or gave what it must not. The projection stops before the event, and nothing is skipped; but for a
 * statement that came once its handler was over, when the event may count as done already.
 */
export class ProjectionFailed extends BackstoryError {
  readonly code = 'BACKSTORY_PROJECTION_FAILED';
  readonly position: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly stream: string;
  constructor(
    readonly projection: string,
    readonly handler: string,
    event: Pick<StoredEvent | RecordedEvent, 'id' | 'type' | 'stream' | 'position'>,
    readonly reason: string,
    { isOver = false, ...options }: FailedOptions = {},
  ) {
    const at = `${event.type} of ${event.stream}`;
    super(
      isOver
        ? `Projection ${projection} stops: ${handler} ${reason}, at ${at}, position ${event.position}. It is lost, and where the ` +
            'checkpoint has come to that position already the event counts as done without it, and only a rebuild helps. ' +
            'Have the handler `await` all that it does, and start again, or resume it.'
        : `Projection ${projection} stops before position ${event.position}: ${handler} failed at ${at}: ` +
            `${reason.replace(/\.$/, '')}. Nothing was skipped. Mend the handler and start again, or resume it.`,
      options,
    );
    this.position = event.position;
    this.eventId = event.id;
    this.eventType = event.type;
    this.stream = event.stream;
  }
}

interface FailedOptions extends ErrorOptions {
  /** It had ended by then. */
  readonly isOver?: boolean;
}

/** It is kept, and told wherever somebody looks; the cause has all of it. */
const LONGEST_REASON = 2_000;

/** What a handler threw, as the projection's own error. */
export function failedAt(
  projection: string,
  handler: string,
  event: StoredEvent | RecordedEvent,
  cause: unknown,
): ProjectionFailed {
  const reason = cut(reasonOf(cause), LONGEST_REASON);
  return new ProjectionFailed(projection, handler, event, reason, { cause });
}

function reasonOf(cause: unknown): string {
  const said = messageOf(cause);
  if (said === '') return 'it threw an error that says nothing';
  return typeof cause === 'string' || isError(cause) ? said : `it threw ${said}, which is no error`;
}

/** Whatever it does when it is looked at. */
function isError(cause: unknown): boolean {
  try {
    return cause instanceof Error;
  } catch {
    return false;
  }
}

/** A statement came once its handler was over, and was not run. */
export function lateAt(projection: string, handler: string, event: RecordedEvent): ProjectionFailed {
  const reason = 'ran a statement once it was over';
  return new ProjectionFailed(projection, handler, event, reason, { isOver: true });
}

/** What the code says of a projection is not what its stored documents were made with. */
export class ProjectionChanged extends BackstoryError {
  readonly code = 'BACKSTORY_PROJECTION_CHANGED';
  constructor(
    readonly projection: string,
    readonly generation: number,
    readonly problem: string,
  ) {
    super(`Projection ${projection} is not what its generation ${generation} was made with: ${problem}`);
  }
}

/** The database refuses a table or a view that a projection declares. Nothing was made, and the projection does not start. */
export class TablesNotMade extends BackstoryError {
  readonly code = 'BACKSTORY_TABLES_NOT_MADE';
  constructor(
    readonly projection: string,
    /** `table days` or `view turnover.days`. */
    readonly what: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `Projection ${projection} cannot have its ${what}: ${reason} ` +
        'Mend the `tables` that it declares, or what stands in their way in the database.',
      options,
    );
  }
}

/** No projection of this name was ever started here. */
export class ProjectionNotFound extends BackstoryError {
  readonly code = 'BACKSTORY_PROJECTION_NOT_FOUND';
  constructor(
    readonly projection: string,
    readonly known: readonly string[],
  ) {
    const those = known.length === 0 ? 'none was ever started' : `there are ${known.join(', ')}`;
    super(`There is no projection ${projection}: ${those}.`);
  }
}

/** Two projections have one name, and would share their documents; or names that the database takes for one, and would share their tables. */
export class ProjectionExists extends BackstoryError {
  readonly code = 'BACKSTORY_PROJECTION_EXISTS';
  constructor(
    readonly projection: string,
    /** The one that there is. */
    readonly other = projection,
  ) {
    const taken = `There is a projection ${other} already`;
    super(
      projection === other
        ? `${taken}: give this one a name of its own.`
        : `${taken}, and SQLite takes small and capital letters of a table's name for the same: give ${projection} another name.`,
    );
  }
}

/** A question that the documents cannot be asked, or only by reading all of them. */
export class InvalidFind extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_FIND';
  constructor(
    readonly projection: string,
    readonly option: string,
    message: string,
  ) {
    super(`${option}: ${message}`);
  }
}

/** A generation that cannot be used for what was asked. Nothing was changed. */
export class GenerationUnusable extends BackstoryError {
  readonly code = 'BACKSTORY_GENERATION_UNUSABLE';
  constructor(
    readonly projection: string,
    readonly generation: number | undefined,
    message: string,
    options?: ErrorOptions,
  ) {
    super(
      `Projection ${projection}${generation === undefined ? '' : `, generation ${generation}`}: ${message}`,
      options,
    );
  }
}

/** What is read was made by code of another version, and the code here cannot make it out. */
export function madeOtherwise(
  projection: string,
  { number, version }: { readonly number: number; readonly version: number },
  { code, cause }: { readonly code: number; readonly cause: Error },
): GenerationUnusable {
  const message =
    `code of version ${version} made it, and the code here is of version ${code}, which cannot read it: ${cause.message} ` +
    'Swap once what this version makes is filled, or let code read both.';
  return new GenerationUnusable(projection, number, message, { cause });
}

/** What is read was made by code of another version, to which it may mean something else. */
export function madeByOther(
  projection: string,
  { number, version }: { readonly number: number; readonly version: number },
  code: number,
): GenerationUnusable {
  const message = `code of version ${version} made it, and to the code here, of version ${code}, it may mean something else: ${adviceOn(version, code)}.`;
  return new GenerationUnusable(projection, number, message);
}

/** What code can do about what was made by code of another version. */
export function adviceOn(version: number, code: number): string {
  return version < code ? `swap once version ${code} is filled` : `use code of version ${version}`;
}

/** The documents were not brought up to a position in time. */
export class NotCaughtUp extends BackstoryError {
  readonly code = 'BACKSTORY_NOT_CAUGHT_UP';
  /** Waiting helps: a subscription whose handler cannot do without pauses, and parks nothing. */
  readonly isInfrastructure = true;
  constructor(
    readonly projection: string,
    readonly position: number,
    readonly reached: number,
    readonly why: string,
    /** What else helps than to read what there is. */
    advice = 'wait longer, or look at `backstory projections status`',
  ) {
    super(
      `Projection ${projection} is at position ${reached} and not yet at ${position} (${why}): read what there is, or ${advice}.`,
    );
  }
}

/**
 * What is read of a projection was folded from another log than the one that is there: a log that was restored, replaced or lost
 * events. It knows nothing of this log's positions. A rebuild folds the log that is there, and a swap has that read.
 */
export class ProjectionDiverged extends LogDiverged {
  /** No event is to blame: a subscription whose handler asks for it pauses until it was rebuilt, and parks nothing. */
  readonly isInfrastructure = true;
  constructor(
    readonly projection: string,
    { checkpoint, log, reason }: LogDiverged,
  ) {
    super(checkpoint, log, `projection ${projection}: ${reason}; rebuild it, and swap`);
  }
}

/** Evaluating a document as of another time would read more of the log than was allowed. */
export class AsOfTooCostly extends BackstoryError {
  readonly code = 'BACKSTORY_AS_OF_TOO_COSTLY';
  constructor(
    readonly projection: string,
    readonly reason: string,
    advice: string,
  ) {
    super(`Projection ${projection} as of another time: ${reason}: ${advice}`);
  }
}
