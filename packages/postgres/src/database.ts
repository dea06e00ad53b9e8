import { AsyncLocalStorage } from 'node:async_hooks';
import { StoreClosed, outside } from '@backstory/core/store';
import { InsideTransaction } from '@backstory/core/state';
import { Client, Pool, type ClientBase, type ClientConfig, type PoolClient } from 'pg';
import { isCollision, isTransient, storeError } from './failures.js';
import { sessionOn, type Run, type Statement } from './session.js';

/** How a store reaches its database. */
export interface DatabaseOptions {
  /** For messages: `postgres:host/database`. Holds no password. */
  readonly store: string;
  /** The schema's name, quoted. */
  readonly schema: string;
  readonly connection: ClientConfig;
  /** Connections for reads and state transactions at the same time. */
  readonly maxConnections: number;
  readonly prepare: boolean;
}

/** The connections of one process to one store: a pool for reads and state, and one of its own for whoever asks. */
export class Database {
  readonly store: string;
  readonly schema: string;
  /** Set inside the work of a state transaction, while it runs. */
  readonly inside = new AsyncLocalStorage<{ running: boolean }>();
  readonly prepare: boolean;
  private readonly pool: Pool;
  private users = 0;
  private closed = false;

  constructor(private readonly options: DatabaseOptions) {
    this.store = options.store;
    this.schema = options.schema;
    this.prepare = options.prepare;
    const bounds = { max: options.maxConnections, idleTimeoutMillis: 30_000 };
    // The pool waits for it; its types do not say so.
    const onConnect = ((client) => this.prepareReader(client)) as (client: ClientBase) => void;
    this.pool = new Pool({ ...options.connection, ...bounds, onConnect });
    // A connection that breaks while it is idle is replaced when the next one is needed.
    this.pool.on('error', () => undefined);
  }

  /** One statement, on a connection of the pool. */
  async read<Row extends readonly unknown[]>(statement: Statement): Promise<Row[]> {
    return this.session((run) => run<Row>(statement));
  }

  /** Work on one connection of the pool. `discard`ing the connection ends whatever the server still does for it. */
  async session<T>(work: (run: Run, discard: () => void) => Promise<T>): Promise<T> {
    this.checkOpen();
    let client: PoolClient | undefined;
    const giveBack = (broken: boolean) => {
      client?.release(broken);
      client = undefined;
    };
    try {
      client = await this.pool.connect();
      return await work(sessionOn(client, this), () => giveBack(true));
    } catch (error) {
      giveBack(isTransient(error) && !isCollision(error));
      throw storeError(error, this.store);
    } finally {
      giveBack(false);
    }
  }

  /** A connection that is nobody else's. Whoever asked for it ends it. @throws StoreUnavailable, StoreUnusable */
  async connect(): Promise<Client> {
    this.checkOpen();
    const client = new Client(this.options.connection);
    client.on('error', () => undefined); // told to whoever waits for an answer
    try {
      await outside(() => client.connect());
      return client;
    } catch (error) {
      void client.end().catch(() => undefined);
      throw storeError(error, this.store);
    }
  }

  /** @throws InsideTransaction where waiting would be waiting for oneself */
  refuseInside(operation: string): void {
    if (this.inside.getStore()?.running) throw new InsideTransaction(this.store, operation);
  }

  /** Counts another one who uses the connections, and will release them. */
  retain(): this {
    this.users++;
    return this;
  }

  /** The last one closes the connections, once what they do is done. */
  async release(): Promise<void> {
    if (--this.users > 0) return;
    this.closed = true;
    await this.pool.end();
  }

  private checkOpen(): void {
    if (this.closed) throw new StoreClosed(this.store);
  }

  /**
   * A plan made while the log was small must not scan it once it is large. Behind a proxy that shares connections nothing
   * can be set, and nothing need be: without prepared statements every plan is new.
   */
  private async prepareReader(client: ClientBase): Promise<void> {
    if (!this.prepare) return;
    await client.query('set enable_seqscan = off; set enable_bitmapscan = off');
  }
}

/** Ends a connection without waiting for a peer that may never answer. */
export function drop(client: Client): void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: { destroy(): void } } })
    .connection;
  void client.end().catch(() => undefined);
  stream.destroy();
}
