import { FenceLost, StoreClosed } from './errors.js';
import { Mutex } from './mutex.js';
import { checkCollection, checkEntry, checkKey, checkLease, resolveStateQuery } from './state-check.js';
import type {
  Fence,
  Lease,
  StateEntry,
  StateQuery,
  StateStore,
  StateTransaction,
  StateView,
} from './state-store.js';

/** Collections, never changed in place while somebody reads them. */
type Collections = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** State in memory, for tests and for what may be lost: rebuilt from the log at the next start. */
export class MemoryStateStore implements StateStore {
  private readonly now: () => number;
  private readonly writing = new Mutex();
  private committed: Collections = new Map();
  private readonly leasesHeld = new Map<string, Lease>();
  private readonly lastTokens = new Map<string, number>();
  private closed = false;

  constructor({ now = Date.now }: { readonly now?: () => number } = {}) {
    this.now = now;
  }

  async start(): Promise<void> {
    this.checkOpen();
  }

  async transaction<T>(fence: Fence | undefined, work: (state: StateTransaction) => Promise<T>): Promise<T> {
    this.checkOpen();
    return this.writing.run(async () => {
      this.checkOpen();
      this.checkFence(fence);
      const draft = new Draft(this.committed);
      try {
        const result = await work(draft);
        this.checkFence(fence);
        this.committed = draft.finished();
        return result;
      } finally {
        draft.end();
      }
    });
  }

  async read<T>(work: (state: StateView) => Promise<T>): Promise<T> {
    this.checkOpen();
    return work(new View(this.committed));
  }

  async acquire(
    name: string,
    { owner, ttlMs }: { readonly owner: string; readonly ttlMs: number },
  ): Promise<Lease | undefined> {
    this.checkOpen();
    checkLease(name, ttlMs, owner);
    const held = this.leasesHeld.get(name);
    if (held && held.owner !== owner && held.expiresAt.getTime() > this.now()) return undefined;
    const token = held?.owner === owner ? held.token : (this.lastTokens.get(name) ?? 0) + 1;
    const lease: Lease = { name, owner, token, ttlMs, expiresAt: new Date(this.now() + ttlMs) };
    this.leasesHeld.set(name, lease);
    this.lastTokens.set(name, token);
    return lease;
  }

  async renew(leases: readonly Lease[]): Promise<readonly Lease[]> {
    this.checkOpen();
    const held = leases.filter((lease) => this.holds(lease));
    const renewed = held.map((lease): Lease => ({ ...lease, expiresAt: new Date(this.now() + lease.ttlMs) }));
    for (const lease of renewed) this.leasesHeld.set(lease.name, lease);
    return renewed;
  }

  async release(lease: Lease): Promise<void> {
    this.checkOpen();
    if (this.holds(lease)) this.leasesHeld.delete(lease.name);
  }

  async leases(prefix = ''): Promise<readonly Lease[]> {
    this.checkOpen();
    const named = [...this.leasesHeld.values()].filter(({ name }) => name.startsWith(prefix));
    return named.sort((a, b) => byBytes(a.name, b.name));
  }

  async close(): Promise<void> {
    await this.writing.run(async () => {
      this.closed = true;
    });
  }

  private holds({ name, token }: Fence): boolean {
    return this.leasesHeld.get(name)?.token === token;
  }

  private checkFence(fence: Fence | undefined): void {
    if (fence && !this.holds(fence)) throw new FenceLost(fence.name, fence.token);
  }

  private checkOpen(): void {
    if (this.closed) throw new StoreClosed('memory');
  }
}

/** Reading one state of the collections. */
class View implements StateView {
  constructor(protected collections: Collections) {}

  async get(collection: string, key: string): Promise<string | undefined> {
    checkKey(key);
    return this.entries(collection).get(key);
  }

  async getMany(collection: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    keys.forEach(checkKey);
    const entries = this.entries(collection);
    return new Map(keys.flatMap((key) => (entries.has(key) ? [[key, entries.get(key)!] as const] : [])));
  }

  async list(collection: string, query?: StateQuery): Promise<readonly StateEntry[]> {
    const { prefix, after, limit } = resolveStateQuery(query);
    return [...this.entries(collection)]
      .filter(([key]) => key.startsWith(prefix) && (after === '' || byBytes(key, after) > 0))
      .sort(([a], [b]) => byBytes(a, b))
      .slice(0, limit)
      .map(([key, value]) => ({ key, value }));
  }

  async count(collection: string): Promise<number> {
    return this.entries(collection).size;
  }

  protected entries(collection: string): ReadonlyMap<string, string> {
    checkCollection(collection);
    return this.collections.get(collection) ?? new Map();
  }
}

/** A view that can be written to. A collection is copied when it is first touched. */
class Draft extends View implements StateTransaction {
  private readonly touched = new Map<string, Map<string, string>>();
  private ended = false;

  async put(collection: string, key: string, value: string): Promise<void> {
    return this.putMany(collection, [{ key, value }]);
  }

  async putMany(collection: string, entries: readonly StateEntry[]): Promise<void> {
    entries.forEach(checkEntry);
    const own = this.own(collection);
    for (const { key, value } of entries) own.set(key, value);
  }

  async delete(collection: string, key: string): Promise<void> {
    checkKey(key);
    this.own(collection).delete(key);
  }

  async clear(collection: string): Promise<void> {
    this.own(collection).clear();
  }

  finished(): Collections {
    return new Map([...this.collections, ...this.touched]);
  }

  end(): void {
    this.ended = true;
  }

  protected override entries(collection: string): ReadonlyMap<string, string> {
    this.checkRunning();
    return this.touched.get(collection) ?? super.entries(collection);
  }

  private own(collection: string): Map<string, string> {
    this.checkRunning();
    const own = this.touched.get(collection) ?? new Map(super.entries(collection));
    this.touched.set(collection, own);
    return own;
  }

  private checkRunning(): void {
    if (this.ended) throw new StoreClosed('the transaction of the memory state store');
  }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
