import { AsyncLocalStorage } from 'node:async_hooks';
import { FenceLost, InsideTransaction, StoreClosed } from './errors.js';
import { Mutex } from './mutex.js';
import { checkCollection, checkEntry, checkKey, checkLease, resolveStateQuery } from './state-check.js';
import type {
  Fence,
  Lease,
  StateCapabilities,
  StateEntry,
  StateQuery,
  StateStore,
  StateTransaction,
  StateView,
} from './state-store.js';
import { byBytes } from './by-bytes.js';

/** Collections, never changed in place: somebody may be reading them. */
type Collections = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** What state stores in memory share when they are opened on the same state. */
export class MemoryState {
  readonly writing = new Mutex();
  readonly leases = new Map<string, Lease>();
  readonly lastTokens = new Map<string, number>();
  committed: Collections = new Map();
}

/** State in memory, for tests and for what may be lost: rebuilt from the log at the next start. */
export class MemoryStateStore implements StateStore {
  readonly capabilities: StateCapabilities = { durable: false };
  private readonly time: () => number;
  private readonly inside = new AsyncLocalStorage<Draft>();
  private closing: Promise<void> | undefined;

  constructor(
    { now = Date.now }: { readonly now?: () => number } = {},
    private readonly held = new MemoryState(),
  ) {
    this.time = now;
  }

  async start(): Promise<void> {
    this.checkOpen();
  }

  async transaction<T>(fences: readonly Fence[], work: (state: StateTransaction) => Promise<T>): Promise<T> {
    this.checkOpen();
    this.refuseInside('transaction');
    return this.held.writing.run(async () => {
      this.checkFences(fences);
      const draft = new Draft(this.held.committed);
      try {
        const result = await this.inside.run(draft, () => work(draft));
        this.checkFences(fences);
        this.held.committed = draft.finished();
        return result;
      } finally {
        draft.end();
      }
    });
  }

  async read<T>(work: (state: StateView) => Promise<T>): Promise<T> {
    this.checkOpen();
    const view = new View(this.held.committed);
    try {
      return await work(view);
    } finally {
      view.end();
    }
  }

  async now(): Promise<Date> {
    this.checkOpen();
    return new Date(this.time());
  }

  async acquire(
    name: string,
    { owner, ttlMs }: { readonly owner: string; readonly ttlMs: number },
  ): Promise<Lease | undefined> {
    this.checkOpen();
    checkLease(name, ttlMs, owner);
    const { leases, lastTokens } = this.held;
    const held = leases.get(name);
    if (held && held.owner !== owner && held.expiresAt.getTime() > this.time()) return undefined;
    const token = held?.owner === owner ? held.token : (lastTokens.get(name) ?? 0) + 1;
    const lease: Lease = { name, owner, token, ttlMs, expiresAt: new Date(this.time() + ttlMs) };
    leases.set(name, lease);
    lastTokens.set(name, token);
    return lease;
  }

  async renew(leases: readonly Lease[]): Promise<readonly Lease[]> {
    this.checkOpen();
    for (const { name, ttlMs, owner } of leases) checkLease(name, ttlMs, owner);
    const held = leases.filter((lease) => this.holds(lease));
    const renewed = held.map((lease): Lease => ({
      ...lease,
      expiresAt: new Date(this.time() + lease.ttlMs),
    }));
    for (const lease of renewed) this.held.leases.set(lease.name, lease);
    return renewed;
  }

  async release(lease: Lease): Promise<void> {
    this.checkOpen();
    if (this.holds(lease)) this.held.leases.delete(lease.name);
  }

  async leases(prefix = ''): Promise<readonly Lease[]> {
    this.checkOpen();
    const named = [...this.held.leases.values()].filter(({ name }) => name.startsWith(prefix));
    return named.sort((a, b) => byBytes(a.name, b.name));
  }

  async close(): Promise<void> {
    this.refuseInside('close');
    return (this.closing ??= this.held.writing.run(async () => undefined));
  }

  /** Waiting for the transaction would be waiting for oneself. */
  private refuseInside(operation: string): void {
    if (this.inside.getStore()?.isRunning) throw new InsideTransaction('memory', operation);
  }

  private holds({ name, token }: Fence): boolean {
    return this.held.leases.get(name)?.token === token;
  }

  private checkFences(fences: readonly Fence[]): void {
    const lost = fences.find((fence) => !this.holds(fence));
    if (lost) throw new FenceLost(lost.name, lost.token);
  }

  private checkOpen(): void {
    if (this.closing) throw new StoreClosed('memory');
  }
}

/** Reading one state of the collections. */
class View implements StateView {
  isRunning = true;

  constructor(protected collections: Collections) {}

  /** Whoever kept it reads no more through it. */
  end(): void {
    this.isRunning = false;
  }

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
    const { prefix, after, upTo, backwards, limit } = resolveStateQuery(query);
    const within = ([key]: readonly [string, string]) =>
      key.startsWith(prefix) && byBytes(key, after) > 0 && (upTo === undefined || byBytes(key, upTo) <= 0);
    const found = [...this.entries(collection)].filter(within).sort(([a], [b]) => byBytes(a, b));
    if (backwards) found.reverse();
    return found.slice(0, limit).map(([key, value]) => ({ key, value }));
  }

  async count(collection: string): Promise<number> {
    return this.entries(collection).size;
  }

  protected entries(collection: string): ReadonlyMap<string, string> {
    checkCollection(collection);
    this.checkRunning();
    return this.collections.get(collection) ?? new Map();
  }

  protected checkRunning(): void {
    if (!this.isRunning) throw new StoreClosed('the transaction or read of the memory state store');
  }
}

/** A view that can be written to. A collection is copied when it is first touched. */
class Draft extends View implements StateTransaction {
  private readonly touched = new Map<string, Map<string, string>>();

  async put(collection: string, key: string, value: string): Promise<void> {
    return this.putMany(collection, [{ key, value }]);
  }

  async putMany(collection: string, entries: readonly StateEntry[]): Promise<void> {
    entries.forEach(checkEntry);
    const own = this.own(collection);
    for (const { key, value } of entries) own.set(key, value);
  }

  async delete(collection: string, key: string): Promise<void> {
    return this.deleteMany(collection, [key]);
  }

  async deleteMany(collection: string, keys: readonly string[]): Promise<void> {
    keys.forEach(checkKey);
    const own = this.own(collection);
    for (const key of keys) own.delete(key);
  }

  async clear(collection: string): Promise<void> {
    this.own(collection).clear();
  }

  finished(): Collections {
    return new Map([...this.collections, ...this.touched]);
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
}
