import type { Session } from './session.js';

/** Where a view reads: the session may be used while `isRunning`, and belongs to somebody else afterwards. */
export interface StateScope {
  readonly session: Session;
  readonly isRunning: () => boolean;
  /** A read, whose connection writes nothing. */
  readonly isReading?: true;
  /** For messages. */
  readonly name: string;
}
