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
import type { ClientBase } from 'pg';
import { appendOutcomes, appendStatement, type AppendRow } from './append-batch.js';
import { isTransient, storeError } from './failures.js';
import { sessionOn, type Run } from './session.js';

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
  readonly isClosed: () => boolean;
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

  private constructor(
    client: ClientBase,
    private readonly options: ClientTransactionOptions,
  ) {
    this.run = sessionOn(client, options);
  }

  /**
   * Joins the transaction that the client is in, or begins one.
   *
   * @throws StoreUnusable where the client is connected to another log, or isolated in a way that hides the last append from it
   */
  static async join(client: object, options: ClientTransactionOptions): Promise<ClientTransaction> {
    const { store } = options;
    if (!isClient(client)) {
      const problem =
        'needs a connected client of pg, e.g. await pool.connect(); a pool uses another one each time.';
      throw new StoreUnusable(store, 'unsupported', `app.within(client) ${problem}`);
    }
    const transaction = new ClientTransaction(client, options);
    const begins = client.getTransactionStatus() === 'I';
    try {
      if (begins) await transaction.run({ text: 'begin' });
      await transaction.checkPlace();
      return transaction;
    } catch (error) {
      if (begins) await transaction.run({ text: 'rollback' }).catch(() => undefined);
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

  async commit(): Promise<readonly AppendResult[]> {
    this.checkNotEnded();
    this.ended = true;
    try {
      this.checkOpen();
      const results = await this.record();
      const isRepetition = results.length > 0 && results.every(({ repeated }) => repeated);
      await (isRepetition ? this.run({ text: 'rollback' }) : this.end());
      if (results.length > 0 && !isRepetition)
        this.options.appended(Math.max(...results.map(({ position }) => position)));
      this.waiting.forEach(({ resolve }, i) => resolve(results[i]!));
      return results;
    } catch (error) {
      const told = storeError(error, this.options.store);
      await this.rollBack(told);
      throw told;
    }
  }

  async rollback(reason: unknown): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    await this.rollBack(reason);
  }

  /** From here to the commit nobody else can append. */
  private async record(): Promise<readonly AppendResult[]> {
    if (this.waiting.length === 0) return [];
    const batch = this.waiting.map((it) => it.append);
    const rows = await this.run<AppendRow>(appendStatement(this.options.schema, batch));
    const results = appendOutcomes(batch, rows).map((outcome) => resultOf(outcome));
    const repeated = results.find((it) => it.repeated);
    // A part of what once was a whole: neither to be done again nor to be left out.
    if (repeated && !results.every((it) => it.repeated))
      throw new EventIdReused(repeated.appendId, repeated.writes[0]!.stream);
    return results;
  }

  private async end(): Promise<void> {
    try {
      await this.run({ text: 'commit' });
    } catch (error) {
      if (!isTransient(error)) throw error;
      throw new TransactionOutcomeUnknown(this.options.store, undefined, { cause: error });
    }
  }

  private async rollBack(reason: unknown): Promise<void> {
    await this.run({ text: 'rollback' }).catch(() => undefined); // a connection that is gone has rolled back
    for (const { reject } of this.waiting) reject(reason);
  }

  private async checkPlace(): Promise<void> {
    const { schema, store, logId } = this.options;
    const text = `select (select log_id from ${schema}.meta), current_setting('transaction_isolation')`;
    const [[found, isolation] = []] = await this.run<[string, string]>({ text }).catch((error: unknown) => {
      if (!['42P01', '3F000'].includes((error as { code?: string }).code ?? '')) throw error;
      return [];
    });
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

function isClient(client: object | undefined): client is ClientBase {
  const candidate = client as Partial<ClientBase> | undefined;
  return typeof candidate?.query === 'function' && typeof candidate.getTransactionStatus === 'function';
}

function resultOf(outcome: AppendOutcome): AppendResult {
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}
