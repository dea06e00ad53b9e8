/**
 * The root of everything that this package throws on purpose. As everywhere in Backstory `code` is stable, the facts are
 * fields, and the message says what to do next. The package has no dependencies, so its root is its own.
 */
export abstract class ProofError extends Error {
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

/** Why nobody can rely on a signed head. */
export type HeadProblem =
  'form' | 'unknown-key' | 'signature' | 'retired-key' | 'revoked-key' | 'key-not-yet-added' | 'unknown-ring';

/** Why a proof does not prove what it says. */
export type ProofProblem = 'form' | 'data' | 'metadata' | 'path' | 'order' | HeadProblem;

/** A proof that does not prove what it says. */
export class InvalidProof extends ProofError {
  readonly code = 'BACKSTORY_INVALID_PROOF';
  constructor(
    readonly problem: ProofProblem,
    message: string,
  ) {
    super(message);
  }
}

/** Text that is not a tree head, or not written exactly as one is. */
export class InvalidHead extends ProofError {
  readonly code = 'BACKSTORY_INVALID_HEAD';
  constructor(message: string) {
    super(message);
  }
}

/** A list of keys that was altered, or a change to it that its rules forbid. */
export class InvalidKeyRing extends ProofError {
  readonly code = 'BACKSTORY_INVALID_KEY_RING';
  constructor(
    /** The statement that is wrong, from 1. */
    readonly statement: number,
    message: string,
  ) {
    super(`Statement ${statement} of the key ring ${message}`);
  }
}

/** A key file that holds no key that can be used here. */
export class UnusableKey extends ProofError {
  readonly code = 'BACKSTORY_UNUSABLE_KEY';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
