import { Context } from './context.js';
import { BackstoryError } from './errors.js';
import { knownOptions, type OptionNames } from './known-options.js';
import { LIMITS, isName, isWellFormed } from './names.js';
import { InvalidOption } from './number-option.js';
import { shown } from './shown.js';

/** Who asks for something, and why. */
export interface AskedBy {
  /** Default: the actor of the ambient context, else `unknown`. */
  readonly actor?: string;
  /** At most 2,000 characters. */
  readonly reason?: string;
}

/** Who wanted something, when and why: it is kept with what was wanted. */
export interface Wish {
  readonly actor: string;
  /** ISO 8601. */
  readonly at: string;
  readonly reason?: string;
}

/** The options of who asks, for `knownOptions`. */
export const ASKING: OptionNames<AskedBy> = { actor: true, reason: true };

/** Requires text that can be kept with what is asked for, and recorded. @throws InvalidOption */
export function checkAskedBy({ actor, reason }: AskedBy): void {
  if (actor !== undefined && !isName(actor, LIMITS.stream))
    throw new InvalidOption(
      'actor',
      `must be 1 to ${LIMITS.stream} bytes of text without control characters, not ${shown(actor)}.`,
    );
  const isText = typeof reason === 'string' && reason.length <= LONGEST && isWellFormed(reason);
  if (reason !== undefined && !isText)
    throw new InvalidOption(
      'reason',
      `must be a text of ${LONGEST} characters at most, not ${shown(reason)}.`,
    );
}

/** Who asks now, and why: the actor named, that of the ambient context, or `unknown`. @throws InvalidOption */
export function wishOf(by: AskedBy = {}): Wish {
  checkAskedBy(knownOptions(by, ASKING));
  const { actor, reason } = by;
  const who = actor ?? Context.current().fields.actor ?? 'unknown';
  return { actor: who, at: new Date().toISOString(), ...(reason !== undefined && { reason }) };
}

/** What somebody asked for is in force, but that it was asked for, and by whom, could not be recorded. */
export class ActionNotRecorded extends BackstoryError {
  readonly code = 'BACKSTORY_ACTION_NOT_RECORDED';
  /** @param why `not recorded on` which stream, and why not */
  constructor(
    readonly actor: string,
    /** Of the event that would have been recorded … */
    readonly type: string,
    /** … and what it would have said. */
    readonly data: Readonly<Record<string, unknown>>,
    readonly why: string,
  ) {
    super(
      `What ${actor} asked for is in force, but ${why}. Do not ask for it again: note elsewhere that it was.`,
    );
  }
}

const LONGEST = 2_000;
