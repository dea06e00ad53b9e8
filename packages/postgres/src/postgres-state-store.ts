import { StoreUnavailable, type StateStore } from '@backstory/core';
import { StoreClosed, byBytes } from '@backstory/core/store';
import {
  FenceLost,
  TransactionTimedOut,
  checkLease,
  type Fence,
  type Lease,
  type StateCapabilities,
  type StateTransaction,
  type StateView,
} from '@backstory/core/state';
import { escapeLiteral } from 'pg';
import type { Database } from './database.js';
import { isCollision } from './failures.js';
import { LeaseRequests, listLeases, storeTime, releaseLease, renewLeases } from './leases.js';
import { PostgresStateDraft, PostgresStateView } from './state-view.js';
import { DURABLY, inTransaction } from './transaction.js';

/**
 * State beside the log or in a database of its own. Transactions are serializable: one that collides with another is rolled
 * back and its work runs again. A fence is looked at before the work and locked after it, so that work that stalls holds
 * up nobody.
 */
export class PostgresStateStore implements StateStore {
  readonly capabilities: StateCapabilities = { durable: true };
  private readonly underWay = new Set<Promise<unknown>>();
  private readonly requests: LeaseRequests;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly options: { readonly transactionTimeoutMs: number },
  ) {
    this.requests = new LeaseRequests(database);
  }

  async start(): Promise<void> {
    this.checkOpen();
  }

  async transaction<T>(fences: readonly Fence[], work: (state: StateTransaction) => Promise<T>): Promise<T> {
    this.checkOpen();
    this.database.checkWritable('transaction');
    return this.waitedFor(this.attempts(fences, work));
  }

  private async attempts<T>(
    fences: readonly Fence[],
    work: (state: StateTransaction) => Promise<T>,
  ): Promise<T> {
    const giveUpAt = performance.now() + this.options.transactionTimeoutMs;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.attempt(fences, work);
      } catch (error) {
        const cause = error instanceof StoreUnavailable ? error.cause : error;
        const lost =
          (cause as { code?: string } | undefined)?.code === FENCE_LOST
            ? (cause as Error).message
            : undefined;
        if (lost !== undefined) throw new FenceLost(lost, fences.find(({ name }) => name === lost)!.token);
        // Others in the way are no outage, however many there are.
        if (!isCollision(cause) || performance.now() > giveUpAt) throw error;
        await new Promise((wait) => setTimeout(wait, Math.random() * Math.min(200, 2 ** attempt)));
      }
    }
  }

  private attempt<T>(fences: readonly Fence[], work: (state: StateTransaction) => Promise<T>): Promise<T> {
    const { schema, store, inside } = this.database;
    const call = (check: string) =>
      // In the order in which leases are taken, so that no two wait for each other.
      [...fences]
        .sort((a, b) => byBytes(a.name, b.name))
        .map(({ name, token }) => `select ${schema}.${check}(${escapeLiteral(name)}, ${Number(token)});`)
        .join('');
    return this.database.session(async (run, discard, client) => {
      const scope = { running: true };
      const draft = new PostgresStateDraft({
        ...{ client, run },
        schema,
        isRunning: () => scope.running,
        name: `a transaction of ${store}`,
      });
      const begin = `begin isolation level serializable;${this.idleLimit(fences)}${call('fence_before_v1')}`;
      const transaction = inTransaction(run, { begin, end: DURABLY + call('fence_after_v1') }, async () => {
        try {
          return await inside.run(scope, () => work(draft));
        } finally {
          scope.running = false;
        }
      });
      return this.inTime(transaction, () => {
        scope.running = false;
        discard();
      });
    });
  }

  async read<T>(work: (state: StateView) => Promise<T>): Promise<T> {
    this.checkOpen();
    const { schema, store } = this.database;
    return this.database.session(async (run, _, client) => {
      let running = true;
      const view = new PostgresStateView({
        ...{ client, run },
        schema,
        isRunning: () => running && !this.closing,
        name: `a read of ${store}`,
      });
      // The first statement takes the snapshot.
      const begin = 'begin isolation level repeatable read read only; select 1';
      return inTransaction(run, { begin }, async () => {
        try {
          return await work(view);
        } finally {
          running = false;
        }
      });
    });
  }

  async now(): Promise<Date> {
    this.checkOpen();
    return storeTime(this.database);
  }

  async acquire(
    name: string,
    { owner, ttlMs }: { readonly owner: string; readonly ttlMs: number },
  ): Promise<Lease | undefined> {
    checkLease(name, ttlMs, owner);
    return this.outsideTransaction('acquire', () => this.requests.acquire({ name, owner, ttlMs }));
  }

  async renew(leases: readonly Lease[]): Promise<readonly Lease[]> {
    for (const { name, ttlMs, owner } of leases) checkLease(name, ttlMs, owner);
    return this.outsideTransaction('renew', () => renewLeases(this.database, leases));
  }

  async release(lease: Lease): Promise<void> {
    return this.outsideTransaction('release', () => releaseLease(this.database, lease));
  }

  async leases(prefix = ''): Promise<readonly Lease[]> {
    this.checkOpen();
    return listLeases(this.database, prefix);
  }

  async close(): Promise<void> {
    this.database.refuseInside('close');
    return (this.closing ??= this.finish());
  }

  private async finish(): Promise<void> {
    await Promise.allSettled(this.underWay);
    await this.database.release();
  }

  private async outsideTransaction<T>(operation: string, work: () => Promise<T>): Promise<T> {
    this.checkOpen();
    this.database.checkWritable(operation);
    return work();
  }

  private async waitedFor<T>(work: Promise<T>): Promise<T> {
    this.underWay.add(work);
    try {
      return await work;
    } finally {
      this.underWay.delete(work);
    }
  }

  /**
   * A process that was stopped in the middle, or whose machine is gone, holds its rows until the server ends it. Under a fence
   * others wait for them, who are to go on in a few seconds.
   */
  private idleLimit(fences: readonly Fence[]): string {
    const { transactionTimeoutMs } = this.options;
    const ms = fences.length > 0 ? Math.min(FENCED_IDLE_MS, transactionTimeoutMs) : transactionTimeoutMs;
    return `set local idle_in_transaction_session_timeout = ${Math.ceil(ms)};`;
  }

  /** Work that takes too long loses its connection, which rolls back what it did. */
  private async inTime<T>(work: Promise<T>, stop: () => void): Promise<T> {
    const { transactionTimeoutMs } = this.options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        stop();
        reject(new TransactionTimedOut(this.database.store, transactionTimeoutMs));
      }, transactionTimeoutMs);
    });
    work.catch(() => undefined);
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private checkOpen(): void {
    if (this.closing) throw new StoreClosed(this.database.store);
  }
}

/** Between two statements of a transaction under a fence; the work of one waits for nothing else. */
const FENCED_IDLE_MS = 2_000;
/** Raised by the functions that look at a fence; the message is the lease's name. */
const FENCE_LOST = 'BSFEN';
