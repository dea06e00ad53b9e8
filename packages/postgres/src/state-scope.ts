import type { ClientBase } from 'pg';
import type { Run } from './session.js';

/** Where state is read: the connection may be used while `isRunning`, and belongs to somebody else afterwards. */
export interface StateScope {
  readonly client: ClientBase;
  readonly run: Run;
  /** Quoted. */
  readonly schema: string;
  readonly isRunning: () => boolean;
  /** For messages. */
  readonly name: string;
}
