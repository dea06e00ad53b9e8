import type { StateStore } from '@backstory/core';
import { StoreClosed } from '@backstory/core/store';
import {
  type Fence,
  FenceLost,
  type Lease,
  type StateCapabilities,
  type StateTransaction,
  type StateView,
  checkLease,
} from '@backstory/core/state';
import { GatheredWrites } from './gathered-writes.js';
import { acquireLease, holdsLease, listLeases, releaseLease, renewLeases } from './leases.js';
import type { Session } from './session.js';
import type { SqliteFile } from './sqlite-file.js';
import { SqliteStateDraft } from './state-draft.js';
import { SqliteStateView } from './state-view.js';

/** State in the same file as the log. Transactions share its one writer; reads run beside them, each on a snapshot. */
export class SqliteStateStore implements StateStore {
  readonly capabilities: StateCapabilities = { durable: true };
  private readonly writes: GatheredWrites;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly file: SqliteFile,
    private readonly clock: () => number,
  ) {
    this.writes = new GatheredWrites(file);
  }

  async start(): Promise<void> {
    this.checkOpen();
  }

  async transaction<T>(fences: readonly Fence[], work: (state: StateTransaction) => Promise<T>): Promise<T> {
    this.checkOpen();
    this.file.refuseInside('transaction');
    const name = `a transaction of ${this.file.store}`;
    return this.file.writeAround(async (session, isRunning) => {
      // Nobody else can write until the transaction ends, so what holds now holds when it commits.
      const lost = fences.find((fence) => !holdsLease(session, fence));
      if (lost) throw new FenceLost(lost.name, lost.token);
      return work(new SqliteStateDraft({ session, isRunning, name }));
    });
  }

  async read<T>(work: (state: StateView) => Promise<T>): Promise<T> {
    this.checkOpen();
    const name = `a read of ${this.file.store}`;
    return this.file.snapshot(async (session) => {
      let running = true;
      try {
        const isRunning = () => running && !this.closing;
        return await work(new SqliteStateView({ session, isRunning, isReading: true, name }));
      } finally {
        running = false;
      }
    });
  }

  async now(): Promise<Date> {
    this.checkOpen();
    return new Date(this.time());
  }

  async acquire(
    name: string,
    { owner, ttlMs }: { readonly owner: string; readonly ttlMs: number },
  ): Promise<Lease | undefined> {
    checkLease(name, ttlMs, owner);
    return this.write('acquire', (session) =>
      acquireLease(session, { name, owner, ttlMs, now: this.time() }),
    );
  }

  async renew(leases: readonly Lease[]): Promise<readonly Lease[]> {
    for (const { name, ttlMs, owner } of leases) checkLease(name, ttlMs, owner);
    return this.write('renew', (session) => renewLeases(session, leases, this.time()));
  }

  async release(lease: Lease): Promise<void> {
    return this.write('release', (session) => releaseLease(session, lease));
  }

  async leases(prefix = ''): Promise<readonly Lease[]> {
    this.checkOpen();
    return this.file.read((session) => listLeases(session, prefix));
  }

  async close(): Promise<void> {
    this.file.refuseInside('close');
    return (this.closing ??= this.file.release());
  }

  private async write<T>(operation: string, work: (session: Session) => T): Promise<T> {
    this.checkOpen();
    this.file.refuseInside(operation);
    return this.writes.run(work);
  }

  private time(): number {
    return Math.floor(this.clock());
  }

  private checkOpen(): void {
    if (this.closing) throw new StoreClosed(this.file.store);
  }
}
