import type { SqlSession } from './sql-session.js';

/**
 * Where what is derived from the log lives: read models, checkpoints, leases, marks, parked keys, snapshots.
 * A value is well-formed text without NUL, stored exactly; its collection and key name it.
 */
export interface StateStore {
  /** Which promises this store keeps only in part. */
  readonly capabilities: StateCapabilities;
  /** Prepares what is needed, or throws naming what is missing. Idempotent. */
  start(): Promise<void>;
  /**
   * Runs `work` in one transaction: it commits when `work` resolves and rolls back when it throws.
   * With fences it commits only while each of these leases is held with its token, checked inside the same transaction; a
   * lease that ran out and that nobody took over is still held.
   * Transactions behave as if they ran one after another. To keep that, a store may roll back and run `work` again:
   * `work` touches nothing but the state it is given, and does not wait for another transaction of this store.
   *
   * @throws FenceLost — nothing was written
   * @throws InsideTransaction when `work` calls it again: it could only wait for itself
   * @throws TransactionTimedOut where the store limits how long `work` may take
   * @throws StoreUnavailable — the store cannot be reached, or others were in the way every time
   */
  transaction<T>(fences: readonly Fence[], work: (state: StateTransaction) => Promise<T>): Promise<T>;
  /** The state store's clock, by which leases run out. */
  now(): Promise<Date>;
  /** Runs `work` on one consistent view; nothing written by others while it runs is seen. */
  read<T>(work: (state: StateView) => Promise<T>): Promise<T>;
  /**
   * Takes a lease that is free, has run out, or is already this owner's. `undefined`: somebody else holds it.
   * Every change of owner raises the token; time is the state store's clock. An owner is one start of one process: a name
   * used again after a restart would share its token with what the process before may still have under way.
   */
  acquire(
    name: string,
    options: { readonly owner: string; readonly ttlMs: number },
  ): Promise<Lease | undefined>;
  /** Extends the leases by their `ttlMs` from now. Returns those that are still held; a missing one was lost. */
  renew(leases: readonly Lease[]): Promise<readonly Lease[]>;
  /** Gives a lease up at once. A lease that was lost is left alone. */
  release(lease: Lease): Promise<void>;
  /** The leases whose names begin with `prefix` and have not been released, run out or not, in byte order of their names. */
  leases(prefix?: string): Promise<readonly Lease[]>;
  close(): Promise<void>;
}

/** What a state store cannot promise in full. */
export interface StateCapabilities {
  /** `false`: what is stored is gone when the process ends. */
  readonly durable: boolean;
}

/** Reading state. Keys are ordered by their UTF-8 bytes. */
export interface StateView {
  get(collection: string, key: string): Promise<string | undefined>;
  /** The values of the keys that exist. */
  getMany(collection: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Entries within the bounds of the query, in key order, or from the end when `backwards`. */
  list(collection: string, query?: StateQuery): Promise<readonly StateEntry[]>;
  count(collection: string): Promise<number>;
  /** Its own database, where it is one that speaks SQL: for tables beside the store's own. A read may only read them. */
  readonly sql?: SqlSession;
}

/** Reading and writing state. A transaction reads what it wrote. */
export interface StateTransaction extends StateView {
  put(collection: string, key: string, value: string): Promise<void>;
  putMany(collection: string, entries: readonly StateEntry[]): Promise<void>;
  delete(collection: string, key: string): Promise<void>;
  deleteMany(collection: string, keys: readonly string[]): Promise<void>;
  /** Removes every entry of the collection. */
  clear(collection: string): Promise<void>;
}

/** A part of a collection: keys that begin with `prefix`, follow `after` and are at most `upTo`, in byte order. */
export interface StateQuery {
  readonly prefix?: string;
  readonly after?: string;
  readonly upTo?: string;
  /** From the upper bound down. Bounds mean the same in both directions. */
  readonly backwards?: boolean;
  /** At most this many entries. Default 1,000. */
  readonly limit?: number;
}

/** A value and the key it is stored under. */
export interface StateEntry {
  readonly key: string;
  readonly value: string;
}

/** Proof that a lease is held: transactions under it fail once somebody else has taken the lease over. */
export interface Fence {
  readonly name: string;
  readonly token: number;
}

/** The right to act alone under a name until `expiresAt` by the state store's clock. */
export interface Lease extends Fence {
  readonly owner: string;
  readonly ttlMs: number;
  readonly expiresAt: Date;
}
