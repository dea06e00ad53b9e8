import type { LogIdentity } from './event-store.js';

/** What a person does to a store, rather than an application: looks what it is made of, makes it, moves it on, removes it. */
export interface StoreAdministration {
  /** What is there, whatever its version. */
  status(): Promise<StoreStatus>;
  /** The migrations that are missing, in order: all of them where there is no store. */
  plan(): Promise<readonly Migration[]>;
  /** Makes the store. `false`: it was there. */
  init(): Promise<boolean>;
  /**
   * Runs the migrations that are missing, each in a transaction, and gives them.
   *
   * @throws StoreUnusable where there is no store; StoreUnavailable where others keep busy what has to be changed: try again
   */
  migrate(): Promise<readonly Migration[]>;
  /** Everything that `init` runs, for those who run it by other means. */
  sql(): string;
  /** Removes the store and everything in it, and nothing else. @throws StoreUnusable where there is none */
  drop(): Promise<void>;
  close(): Promise<void>;
}

/** A step from one version of a store's tables and functions to the next. */
export interface Migration {
  readonly version: number;
  /** What it is for. */
  readonly summary: string;
  /** The lowest version that a release must know to go on using the store after this step. */
  readonly usableFrom: number;
  readonly sql: string;
}

/** What a store is made of. */
export interface StoreStatus {
  readonly store: string;
  /** The version of its tables and functions; 0 where there is no store. */
  readonly version: number;
  /** The version that this release makes and uses. */
  readonly wanted: number;
  /** Which log it is, where there is one. */
  readonly log: LogIdentity | undefined;
  /** What else is to be said, in the order in which it is shown: `{ server: 'PostgreSQL 18.4', 'size in bytes': 8192 }`. */
  readonly facts: Readonly<Record<string, string | number>>;
}
