import type { Verification } from '@backstory/audit';
import { BackstoryError } from '@backstory/core';

/** A command line that means nothing. */
export class UsageError extends BackstoryError {
  readonly code = 'BACKSTORY_USAGE';
  constructor(
    /** `unknown-option`, `invalid-store` … */
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** What is wrong with a configuration. */
export type ConfigProblem =
  | 'missing'
  | 'unreadable'
  | 'syntax'
  | 'failed'
  | 'no-compiler'
  | 'no-default-export'
  | 'not-a-definition'
  | 'other-installation';

/** The configuration is not there or cannot be used. */
export class InvalidConfiguration extends BackstoryError {
  readonly code = 'BACKSTORY_CONFIGURATION';
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
  constructor(
    readonly problem: ConfigProblem,
    message: string,
    { file, line, column, cause }: ConfigPlace & ErrorOptions = {},
  ) {
    super(message, { cause });
    this.file = file;
    this.line = line;
    this.column = column;
  }
}

/** Where in a configuration something is wrong, as far as it is known. */
export interface ConfigPlace {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** A document that no event has ever made, or a place in it that it never had. */
export class NeverInDocument extends BackstoryError {
  readonly code = 'BACKSTORY_NEVER_IN_DOCUMENT';
  constructor(
    readonly projection: string,
    readonly key: string,
    readonly path: string,
  ) {
    super(
      path === ''
        ? `No event has ever made a document ${key} of ${projection}: see backstory projections status ${projection} for how many there are.`
        : `Document ${key} of ${projection} never had ${path}: see what it has with backstory projections show ${projection} ${key}.`,
    );
  }
}

/** A position was asked for that the log does not have yet. */
export class PositionOutOfRange extends BackstoryError {
  readonly code = 'BACKSTORY_POSITION_OUT_OF_RANGE';
  constructor(
    readonly wanted: number,
    /** The position the log is at. */
    readonly actual: number,
  ) {
    super(
      `The log is at position ${actual}, so it has no position ${wanted}: choose one from 0 to ${actual}, or a time.`,
    );
  }
}

/** A place to stop at that is never reached. */
export class NeverHolds extends BackstoryError {
  readonly code = 'BACKSTORY_NEVER_HOLDS';
  constructor(
    readonly stream: string,
    readonly where: string,
    /** The first version that was looked at. */
    readonly from: number,
  ) {
    super(
      `${stream} never begins to be so from version ${from} on: ${where}. Since when it is so, if it is, says backstory bisect.`,
    );
  }
}

/** What a thread that folds could not do. Its error stands for what happened there. */
export class WorkerFailed extends Error {
  readonly code: string;
  readonly facts: object;
  constructor({
    code,
    message,
    facts,
  }: {
    readonly code: string;
    readonly message: string;
    readonly facts: object;
  }) {
    super(message);
    this.name = 'WorkerFailed';
    this.code = code;
    this.facts = facts;
  }
}

/** Ctrl-C. */
export class Interrupted extends BackstoryError {
  readonly code = 'BACKSTORY_INTERRUPTED';
  constructor(message = 'Interrupted.') {
    super(message);
  }
}

/** What was sealed has changed. */
export class AuditFindings extends BackstoryError {
  readonly code = 'BACKSTORY_AUDIT_FINDINGS';
  constructor(readonly verification: Verification) {
    const { count } = verification;
    super(
      count === 1 ? 'One thing is not as it was sealed.' : `${count} things are not as they were sealed.`,
    );
  }
}
