import { BackstoryError } from '@backstory/core';

/** Another sealer is at work on this log. */
export class SealerBusy extends BackstoryError {
  readonly code = 'BACKSTORY_SEALER_BUSY';
  constructor() {
    super(
      'Another process is sealing this log: wait until it is done. The claim of one that was killed ends within 10 s.',
    );
  }
}

/** The log is not the one that was sealed before. Sealing on would vouch for what nobody has looked at. */
export class SealDiverged extends BackstoryError {
  readonly code = 'BACKSTORY_SEAL_DIVERGED';
  constructor(
    readonly sequence: number,
    readonly reason: string,
  ) {
    super(
      `The log does not continue seal ${sequence}: ${reason}. Nothing was sealed. Run "backstory audit verify" to see what ` +
        'is different; a log that was rightly replaced is sealed into a new folder.',
    );
  }
}

/** A file of an audit folder that is not what it should be. */
export class AuditFileDamaged extends BackstoryError {
  readonly code = 'BACKSTORY_AUDIT_FILE_DAMAGED';
  constructor(
    readonly file: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${file} ${reason}`, options);
  }
}

/** A file of an audit folder, or of a package, that cannot be written. Nothing that was there before is lost. */
export class AuditFileUnwritable extends BackstoryError {
  readonly code = 'BACKSTORY_AUDIT_FILE_UNWRITABLE';
  constructor(
    readonly file: string,
    /** What to do next. */
    readonly advice: string,
    options: { readonly cause: Error },
  ) {
    super(`${file} cannot be written (${options.cause.message}): ${advice}`, options);
  }
}

/** An audit folder that lacks what was asked of it. */
export class AuditFolderIncomplete extends BackstoryError {
  readonly code = 'BACKSTORY_AUDIT_FOLDER_INCOMPLETE';
  constructor(
    readonly folder: string,
    /** `keys` or `seals`. */
    readonly lacking: 'keys' | 'seals',
  ) {
    super(
      lacking === 'keys'
        ? `${folder} has no keys.jsonl: give the audit folder with --dir, or a key ring with --keys; a log that was never sealed begins with "backstory audit keys create".`
        : `${folder} has no seals: make one with "backstory audit seal", or give the folder with --dir.`,
    );
  }
}

/** The key that was given may not sign seals. */
export class KeyNotInForce extends BackstoryError {
  readonly code = 'BACKSTORY_KEY_NOT_IN_FORCE';
  constructor(
    readonly keyId: string,
    readonly status: string,
  ) {
    super(
      `Key ${keyId.slice(0, 16)} is ${status} in this key ring: give one that is in force, see "backstory audit keys list".`,
    );
  }
}

/** What cannot be proven, and why. */
export class NotProvable extends BackstoryError {
  readonly code = 'BACKSTORY_NOT_PROVABLE';
  constructor(
    readonly what: string,
    readonly reason: 'not-recorded' | 'not-sealed' | 'not-believed' | 'damaged' | 'no-such-seal' | 'too-many',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
