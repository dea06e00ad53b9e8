import type { Queries, Run } from './session.js';

/** Where state is read: the connection may be used while `isRunning`, and belongs to somebody else afterwards. */
export interface StateScope {
  readonly client: Queries;
  readonly run: Run;
  /** Quoted. */
  readonly schema: string;
  readonly isRunning: () => boolean;
  /** For messages. */
  readonly name: string;
}
