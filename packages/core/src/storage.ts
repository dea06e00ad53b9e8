import type { EventStore } from './event-store.js';
import type { Observer } from './observer.js';
import type { StateStore } from './state-store.js';
import type { StoreAdministration } from './store-administration.js';
import type { StoreTransaction } from './store-transaction.js';

/** Where an application keeps its log and its state, not yet opened. `sqlite('bank.db')` and `memory()` make one. */
export interface Storage {
  /** For messages: `sqlite:bank.db`. Never holds a password. */
  readonly description: string;
  open(options?: OpenOptions): Promise<OpenStorage>;
  /** To look after what the storage is made of, where it is made of anything. */
  administer?(): Promise<StoreAdministration>;
}

/** How a storage is opened. */
export interface OpenOptions {
  /** Nothing can be written, and nothing is created. For looking at a log that others own. */
  readonly readOnly?: boolean;
  readonly observer?: Observer;
}

/** A storage in use: the log, the state kept beside it, and how to close both. */
export interface OpenStorage {
  readonly events: EventStore;
  readonly state: StateStore;
  /**
   * Joins a transaction of an application's own client, where the store is in a database that applications write to as well;
   * `undefined` where one with this id has committed before, and this one was rolled back.
   *
   * @throws StoreUnusable where the client cannot record in this log
   */
  within?(client: object, id: string): Promise<StoreTransaction | undefined>;
  close(): Promise<void>;
}
