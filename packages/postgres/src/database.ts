import { AsyncLocalStorage } from 'node:async_hooks';
import { inspect } from 'node:util';
import { StoreUnusable } from '@backstory/core';
import { StoreClosed, outside } from '@backstory/core/store';
import { InsideTransaction } from '@backstory/core/state';
import { Client, Pool, escapeLiteral, type ClientBase, type ClientConfig, type PoolClient } from 'pg';
import { isCollision, isTransient, storeError } from './failures.js';
import { catalogFirst } from './search-path.js';
import { inTurn, sessionOn, type Queries, type Run, type Statement } from './session.js';

/** How a store reaches its database. */
export interface DatabaseOptions {
  /** For messages: `postgres:host:port/database`. Holds no password. */
  readonly store: string;
  /** The schema's name, quoted. */
  readonly schema: string;
  readonly connection: ClientConfig;
  /** Past a proxy that shares connections among transactions, for what such a connection cannot do. */
  readonly direct?: ClientConfig | undefined;
  readonly readOnly?: boolean;
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
  /** The connections of the pool that have not ended. */
  private readonly pooled = new Set<Client>();
  private users = 0;
  private closed = false;

  constructor(private readonly options: DatabaseOptions) {
    this.store = options.store;
    this.schema = options.schema;
    this.prepare = options.prepare;
    const bounds = { max: options.maxConnections, idleTimeoutMillis: 30_000 };
    // The pool waits for it; its types do not say so.
    const onConnect = ((client) => this.prepareReader(client)) as (client: ClientBase) => void;
    this.pool = new Pool({ ...this.connectionConfig, ...bounds, onConnect });
    // A connection that breaks while it is idle is replaced when the next one is needed.
    this.pool.on('error', () => undefined);
  }

  /** One statement, on a connection of the pool. */
  async read<Row extends readonly unknown[]>(statement: Statement): Promise<Row[]> {
    return this.session((run) => run<Row>(statement));
  }

  /** Work on one connection of the pool. `discard`ing the connection ends whatever the server still does for it. */
  async session<T>(work: (run: Run, discard: () => void, client: Queries) => Promise<T>): Promise<T> {
    this.checkOpen();
    let client: PoolClient | undefined;
    const giveBack = (broken: boolean) => {
      client?.release(broken);
      client = undefined;
    };
    try {
      client = await this.pool.connect();
      const queries = inTurn(client);
      return await work(sessionOn(queries, this), () => giveBack(true), queries);
    } catch (error) {
      giveBack(isTransient(error) && !isCollision(error));
      throw storeError(error, this.store);
    } finally {
      giveBack(false);
    }
  }

  /**
   * Work that a proxy may be in the way of, on a connection of its own where one leads past it.
   *
   * @throws StoreUnavailable, StoreUnusable
   */
  async direct<T>(work: (run: Run) => Promise<T>): Promise<T> {
    if (!this.options.direct) return this.session(work);
    const client = await this.connect({ direct: true });
    try {
      return await work(sessionOn(client, { prepare: true }));
    } catch (error) {
      throw storeError(error, this.store);
    } finally {
      await this.end(client);
    }
  }

  /**
   * A connection that is nobody else's, `direct`: past the proxy where there is one. Whoever asked for it ends it.
   *
   * @throws StoreUnavailable, StoreUnusable
   */
  async connect({ direct = false }: { readonly direct?: boolean } = {}): Promise<Client> {
    this.checkOpen();
    const client = new Client((direct && this.options.direct) || this.connectionConfig);
    client.on('error', () => undefined); // told to whoever waits for an answer
    try {
      await outside(() => client.connect());
      await this.prepareWriter(client, direct);
      return client;
    } catch (error) {
      void client.end().catch(() => undefined);
      throw storeError(error, this.store);
    }
  }

  /** How long an answer is waited for, even where statements may take as long as they like. */
  get responseTimeoutMs(): number {
    return this.options.connection.query_timeout || 30_000;
  }

  /** Whether a connection can be waited on for notifications: not behind a proxy that nothing leads past. */
  get canListen(): boolean {
    return this.prepare || this.options.direct !== undefined;
  }

  /** @throws StoreUnusable where the store was opened read-only; InsideTransaction where waiting would be waiting for oneself */
  checkWritable(operation: string): void {
    this.refuseInside(operation);
    if (!this.options.readOnly) return;
    const message = `${operation} was refused, because it was opened read-only: open it for writing.`;
    throw new StoreUnusable(this.store, 'read-only', message);
  }

  /** @throws InsideTransaction where waiting would be waiting for oneself */
  refuseInside(operation: string): void {
    if (this.inside.getStore()?.running) throw new InsideTransaction(this.store, operation);
  }

  /** Without the password, which would otherwise be logged with whatever is made of a store. */
  [inspect.custom](): string {
    return `Database { ${this.store}, schema ${this.schema} }`;
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
    await Promise.all([...this.pooled].map((client) => this.end(client)));
  }

  /** Ends a connection. A peer that does not answer is waited for no longer than with a statement. */
  async end(client: Client): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((done) => {
      timer = setTimeout(done, this.responseTimeoutMs);
    });
    await Promise.race([client.end().catch(() => undefined), late]);
    clearTimeout(timer);
    drop(client);
  }

  /** The server refuses what writes as well. Behind a proxy, which lets no settings pass, it is up to `checkWritable`. */
  private get connectionConfig(): ClientConfig {
    const { connection, readOnly, prepare } = this.options;
    if (!readOnly || !prepare) return connection;
    return { ...connection, options: `${connection.options ?? ''} -c default_transaction_read_only=on` };
  }

  private checkOpen(): void {
    if (this.closed) throw new StoreClosed(this.store);
  }

  /**
   * Appends need read committed, whatever a role or database has for a default. And a server goes on waiting for a lock for whoever
   * has given up and asks again: without a bound each time would leave a connection there.
   */
  private async prepareWriter(client: Client, direct: boolean): Promise<void> {
    asText(client);
    if (!this.prepare && !(direct && this.options.direct)) return;
    const bound = `select pg_catalog.set_config('lock_timeout', '${Math.ceil(this.responseTimeoutMs)}', false)
      where pg_catalog.current_setting('lock_timeout') operator(pg_catalog.=) '0'`;
    await setUp(client, bound);
  }

  /**
   * A plan made while the log was small must not scan it once it is large. Behind a proxy that shares connections nothing
   * can be set, and nothing need be: without prepared statements every plan is new.
   */
  private async prepareReader(client: ClientBase): Promise<void> {
    // The pool listens only while a connection is idle: lost between two statements of a transaction it would end the process.
    client.on('error', () => undefined);
    asText(client);
    this.pooled.add(client as Client);
    client.once('end', () => this.pooled.delete(client as Client));
    if (!this.prepare) return;
    await setUp(client, FOR_PAGES);
  }
}

/** What appends and leases need, whatever a role or database has for a default. */
const READ_COMMITTED = `set default_transaction_isolation = 'read committed'`;

/**
 * Plans as `prepareReader` says; never compiled, which would take longer than a page where the log is so large that they look costly.
 * And the C library of a server gives memory for texts of pages back each time, page by page of 4 KiB, which took a third of what
 * a page takes, until it has once seen as much freed.
 */
const FOR_PAGES = `set enable_seqscan = off; set enable_bitmapscan = off; set jit = off; select pg_catalog.octet_length(pg_catalog.repeat(' ', ${2 ** 21}))`;

/** Whatever a role or database has for a default, names that are PostgreSQL's mean what they mean there. */
async function setUp(client: ClientBase, settings: string): Promise<void> {
  const run = sessionOn(client, { prepare: false });
  const text = `${READ_COMMITTED}; ${settings}; show search_path`;
  const [[path]] = (await run<[string]>({ text })) as [[string]];
  const first = catalogFirst(path);
  if (first === undefined) return;
  await run({ text: `select pg_catalog.set_config('search_path', ${escapeLiteral(first)}, false)` });
}

/** Whatever `pg.defaults.binary` says, which a statement cannot overrule: results are read as text. */
function asText(client: ClientBase): void {
  Object.assign(client, { binary: false });
}

/** Ends a connection without waiting for a peer that may never answer. */
export function drop(client: Client): void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: { destroy(): void } } })
    .connection;
  void client.end().catch(() => undefined);
  stream.destroy();
}
