import {
  EventIdReused,
  StoreUnavailable,
  StoreUnusable,
  TransactionOutcomeUnknown,
  type AppendResult,
  type StoreTransaction,
  type Write,
} from '@backstory/core';
import { StoreClosed, checkAppend, type AppendOutcome, type CheckedAppend } from '@backstory/core/store';
import type { Client, ClientBase } from 'pg';
import { appendOutcomes, appendStatement, type AppendRow } from './append-batch.js';
import { drop } from './database.js';
import { isTransient, storeError } from './failures.js';
import { sessionOn, type Run } from './session.js';
import { DURABLY } from './transaction.js';

/** What a transaction of a client needs of the store. */
export interface ClientTransactionOptions {
  /** For messages. */
  readonly store: string;
  /** Quoted. */
  readonly schema: string;
  readonly prepare: boolean;
  readonly maxEventBytes: number;
  readonly maxQueuedBytes: number;
  /** The log that the store is of. */
  readonly logId: string;
  /** Of what is done: a mark beside the state says that it was. */
  readonly id: string;
  /** How long the append waits for others, unless the client's transaction has a bound of its own. */
  readonly lockTimeoutMs: number;
  readonly isClosed: () => boolean;
  /** Says for whom the append waits when it waits long. */
  readonly watched: <T>(append: Promise<T>) => Promise<T>;
  /** Called with the last position, once it is committed. */
  readonly appended: (head: number) => void;
}

interface Waiting {
  readonly append: CheckedAppend;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A transaction of an application's own client, in which appends wait to be its last statement. */
export class ClientTransaction implements StoreTransaction {
  private readonly run: Run;
  private readonly waiting: Waiting[] = [];
  private waitingBytes = 0;
  private ended = false;
  /** The server's, by which it is known from another one that the function has begun. */
  private number: string | undefined;

  private constructor(
    private readonly client: ClientBase,
    private readonly options: ClientTransactionOptions,
  ) {
    this.run = sessionOn(client, options);
  }

  /**
   * Joins the transaction that the client is in, or begins one.
   *
   * @throws StoreUnusable where the client is connected to another log, or isolated in a way that hides the last append from it
   */
  static async join(
    client: object,
    options: ClientTransactionOptions,
  ): Promise<ClientTransaction | undefined> {
    const { store } = options;
    const status = statusOf(client, store);
    joined.add(client);
    const transaction = new ClientTransaction(client as ClientBase, options);
    const begins = status === 'I';
    try {
      if (begins) await transaction.run({ text: 'begin isolation level read committed' });
      await transaction.checkLogAndIsolation();
      if (!(await transaction.isDone())) return transaction;
      await transaction.confirm();
      joined.delete(client);
      return undefined;
    } catch (error) {
      if (begins) await transaction.undo();
      joined.delete(client);
      // It is known a moment later than the failure is told.
      if (hasFailed(error)) return refuseClient(store, FAILED);
      throw storeError(error, store);
    }
  }

  append(writes: readonly Write[]): Promise<AppendResult> {
    const { store, maxQueuedBytes } = this.options;
    this.checkNotEnded();
    this.checkOpen();
    const append = checkAppend(writes, this.options);
    if (this.waiting.length > 0 && this.waitingBytes + append.bytes > maxQueuedBytes) {
      const reason = `${this.waiting.length} appends wait for one transaction already, ${this.waitingBytes} bytes`;
      throw new StoreUnavailable(store, reason);
    }
    this.waitingBytes += append.bytes;
    return new Promise((resolve, reject) => this.waiting.push({ append, resolve, reject }));
  }

  async commit(): Promise<readonly AppendResult[] | undefined> {
    this.checkNotEnded();
    this.ended = true;
    try {
      this.checkOpen();
      const isFirst = await this.mark();
      const results = isFirst ? await this.record() : undefined;
      await (results ? this.end() : this.confirm());
      if (!results) {
        for (const { reject } of this.waiting) reject(new Error(DONE_BEFORE)); // nobody is told: the whole is a repetition
        return undefined;
      }
      if (results.length > 0) this.options.appended(Math.max(...results.map(({ position }) => position)));
      this.waiting.forEach(({ resolve }, i) => resolve(results[i]!));
      return results;
    } catch (error) {
      const told = hasFailed(error) ? this.rolledBack(FAILED_WITHIN) : storeError(error, this.options.store);
      await this.rollBack(told);
      throw told;
    } finally {
      joined.delete(this.client);
    }
  }

  async rollback(reason: unknown): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    await this.rollBack(reason);
    joined.delete(this.client);
  }

  /** From here to the commit nobody else can append. */
  private async record(): Promise<readonly AppendResult[]> {
    if (this.waiting.length === 0) return [];
    const batch = this.waiting.map((it) => it.append);
    const { schema, watched } = this.options;
    const rows = await watched(this.run<AppendRow>(appendStatement(schema, batch)));
    const results = appendOutcomes(batch, rows).map((outcome) => resultOf(outcome));
    // Recorded otherwise than by a transaction with this id: neither to be done again nor to be left out.
    const repeated = results.find((it) => it.repeated);
    if (repeated) throw new EventIdReused(repeated.appendId, repeated.writes[0]!.stream);
    return results;
  }

  private async end(): Promise<void> {
    try {
      // Of a transaction in which something has failed the server makes this a rollback, and says no more than that.
      const { command } = await this.client.query({ text: 'commit' });
      if (command !== 'COMMIT') throw this.rolledBack(FAILED_WITHIN);
    } catch (error) {
      if (!isTransient(error)) throw error;
      throw new TransactionOutcomeUnknown(this.options.store, undefined, { cause: error });
    }
  }

  private async rollBack(reason: unknown): Promise<void> {
    await this.undo();
    for (const { reject } of this.waiting) reject(reason);
  }

  /** Where nobody says that it was rolled back the connection ends, and the server does it: the next user of the client would commit it. */
  private async undo(): Promise<void> {
    await this.run({ text: 'rollback' }).catch(() => drop(this.client as Client));
  }

  /**
   * What was done before is seen as soon as its commit is on this server, and its own wait for the standby may have been broken off.
   * A commit waits where something was written, so something is.
   */
  private async confirm(): Promise<void> {
    await this.run({ text: 'rollback' });
    await this.run({
      text: `begin; select pg_logical_emit_message(true, 'backstory', ''); ${DURABLY} commit`,
    });
  }

  private async isDone(): Promise<boolean> {
    const text = `select 1 from ${this.options.schema}.state where collection = $1 and key = $2`;
    return (await this.run({ text, values: [MARKS, this.options.id] })).length > 0;
  }

  /** Waits for another one with the same id that is about to commit. `false`: it has. */
  private async mark(): Promise<boolean> {
    const status = this.client.getTransactionStatus();
    if (status === 'E') throw this.rolledBack(FAILED_WITHIN);
    if (status !== 'T') throw this.endedInside();
    // A commit that was not awaited ends it before this arrives, which must not leave a mark then.
    const text = `with mine as materialized (
        select pg_current_xact_id()::text as number,
          case current_setting('lock_timeout') when '0' then set_config('lock_timeout', $3, true) end),
      marked as (
        insert into ${this.options.schema}.state (collection, key, value) select $1, $2, '' from mine where number = $4
        on conflict do nothing returning 1)
      select number, (select count(*) from marked) from mine`;
    const values = [MARKS, this.options.id, String(this.options.lockTimeoutMs), this.number!];
    const [[number, marked] = []] = await this.run<[string, string]>({ text, values });
    if (number !== this.number) throw this.endedInside();
    return marked === '1';
  }

  private rolledBack(why: string): StoreUnusable {
    return this.refused(`the transaction was not committed, because ${why}: nothing was recorded`);
  }

  private endedInside(): StoreUnusable {
    return this.refused(
      'the transaction was ended inside the function: nothing was recorded, and what the client had changed until then may have been committed; compare the two',
    );
  }

  private refused(what: string): StoreUnusable {
    const message = `${what}. Leave its end to app.within.`;
    return new StoreUnusable(this.options.store, 'unsupported', message);
  }

  private async checkLogAndIsolation(): Promise<void> {
    const { schema, store, logId } = this.options;
    const text = `select (select log_id from ${schema}.meta), current_setting('transaction_isolation'), pg_current_xact_id()::text`;
    const [[found, isolation, number] = []] = await this.run<[string, string, string]>({ text }).catch(
      (error: unknown) => {
        if (!['42P01', '3F000'].includes((error as { code?: string }).code ?? '')) throw error;
        return [];
      },
    );
    this.number = number;
    if (found !== logId) {
      const message = `the client is connected to a database that does not hold this log in the schema ${schema}: connect it to the store's own.`;
      throw new StoreUnusable(store, 'not-a-store', message);
    }
    if (isolation !== 'read committed') {
      const message = `the client's transaction is ${isolation}, which does not show it the last append: begin it with isolation level read committed.`;
      throw new StoreUnusable(store, 'unsupported', message);
    }
  }

  private checkOpen(): void {
    if (this.options.isClosed()) throw new StoreClosed(this.options.store);
  }

  private checkNotEnded(): void {
    if (!this.ended) return;
    const message = 'the transaction has ended: record before the end of the function given to app.within.';
    throw new StoreUnusable(this.options.store, 'unsupported', message);
  }
}

/** Clients in a transaction of this kind: two on one client would be one, and end each other. */
const joined = new WeakSet<object>();

/** The collection of the marks of transactions that were committed. */
const MARKS = '_within';
const DONE_BEFORE = 'another transaction with the same id has been committed';

/** @throws StoreUnusable where the client is none, or cannot take part in a transaction now */
function statusOf(client: object | undefined, store: string): 'I' | 'T' {
  const refuse = (problem: string): never => refuseClient(store, problem);
  const candidate = (client ?? {}) as Partial<ClientBase>;
  if (typeof candidate.query !== 'function' || 'totalCount' in candidate)
    return refuse(
      'needs a connected client of pg, e.g. await pool.connect(); a pool uses another one each time.',
    );
  if (typeof candidate.getTransactionStatus !== 'function')
    return refuse(
      'needs a client of pg 8.17 or later, which knows whether it is in a transaction: update pg.',
    );
  if ((candidate as { readonly binary?: boolean }).binary)
    return refuse('was given a client of binary results, which are read as text: leave `binary` out.');
  if (joined.has(candidate))
    return refuse('was given a client that is in app.within already: give each its own.');
  const status = candidate.getTransactionStatus();
  if (status === 'E') return refuse(FAILED);
  return status ?? refuse('was given a client that is not connected: await client.connect() first.');
}

function resultOf(outcome: AppendOutcome): AppendResult {
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}

/** in_failed_sql_transaction: a statement in it had failed, which its client may not have been told of yet. */
function hasFailed(error: unknown): boolean {
  return (error as { code?: string }).code === '25P02';
}

const FAILED_WITHIN = 'a statement in it had failed';
const FAILED = 'was given a client whose transaction has failed: roll it back first.';

function refuseClient(store: string, problem: string): never {
  throw new StoreUnusable(store, 'unsupported', `app.within(client) ${problem}`);
}
