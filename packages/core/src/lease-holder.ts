import { StoreClosed, StoreUnavailable } from './errors.js';
import { guarded } from './guarded.js';
import { newId } from './ids.js';
import { inTime } from './in-time.js';
import { LONGEST_TIMER, numberOption } from './number-option.js';
import type { LeaseChanged } from './observed-facts.js';
import type { Observer } from './observer.js';
import { outside } from './outside.js';
import { messageOf } from './shown.js';
import type { Fence, Lease, StateStore } from './state-store.js';

/** How leases are held. */
export interface LeaseHolderOptions {
  /** One start of one process. Default: a new id. */
  readonly owner?: string;
  /** After so long without a renewal others may take a lease over. Default 3,000. */
  readonly ttlMs?: number;
  readonly observer?: Observer;
  /** A clock in milliseconds that nobody sets. Default: the process's monotonic one. */
  readonly now?: () => number;
}

/** A lease as long as it lasts. It is also the fence for transactions that only its holder may make. */
export interface HeldLease extends Fence {
  /**
   * Whether it can still be this holder's, by the holder's own clock. What only the holder may do is done in a transaction
   * under it all the same: between this answer and the act a process may be stopped.
   */
  readonly isHeld: boolean;
  /** Aborts soon after the lease was lost or given up. */
  readonly signal: AbortSignal;
}

/**
 * Holds leases for one process: takes them, renews them all together three times in their time, notices which are lost,
 * and gives them up. A lease is lost when the state store says so, and also when it could not be renewed for its whole time, by
 * the holder's own clock: a process that was stopped, or cut off from its store, knows it before it asks.
 *
 * Work under a lost lease can still be under way, so a lease that was lost is given up for good before it is taken again:
 * the next one has a higher token.
 */
export class LeaseHolder {
  readonly owner: string;
  readonly ttlMs: number;
  private readonly observer: Observer;
  private readonly now: () => number;
  private readonly leases = new Map<string, Held>();
  /** Lost by our own clock, or given up; the store may still think them ours. */
  private readonly lost = new Map<string, Lease>();
  private renewing: Promise<void> | undefined;
  private givingUp: Promise<unknown> | undefined;
  private renewedAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private closing: Promise<string | undefined> | undefined;

  constructor(
    private readonly state: StateStore,
    { owner = newId(), ttlMs = 3_000, observer, now = () => performance.now() }: LeaseHolderOptions = {},
  ) {
    this.owner = owner;
    this.ttlMs = numberOption('ttlMs', ttlMs, 1, LONGEST_TIMER);
    this.observer = guarded(observer);
    this.now = now;
  }

  /** Those that are held, in no order. */
  get held(): readonly HeldLease[] {
    return [...this.leases.values()].filter(({ isHeld }) => isHeld);
  }

  /** How long a lease can still be this holder's, by its own clock; 0 where it is lost. */
  leftMs({ name, token }: Fence): number {
    const held = this.leases.get(name);
    return held?.token === token ? held.leftMs : 0;
  }

  /** Takes a lease that is free or has run out; gives the same again while it is held. `undefined`: somebody else has it. */
  async acquire(name: string): Promise<HeldLease | undefined> {
    this.checkOpen();
    this.dropLost();
    const held = this.leases.get(name);
    if (held) return held;
    await this.giveUp(name);
    const began = this.now();
    const { owner, ttlMs } = this;
    const lease = await this.state.acquire(name, { owner, ttlMs });
    if (!lease) return undefined;
    if (this.closing) {
      await this.free(lease);
      throw this.closed();
    }
    // Two calls for one name get one lease of the store, and are given one here.
    const own = this.leases.get(name) ?? this.keep(new Held(lease, began + ttlMs, this.now));
    this.dropLost();
    return own.isHeld ? own : undefined;
  }

  /**
   * Gives a lease up, so that others need not wait until it has run out. Of one that is lost nothing is left to give.
   *
   * @throws StoreUnavailable also where the store gives no answer within 5 seconds; it is given up with the next renewals, or runs out
   */
  async release(lease: Fence): Promise<void> {
    const held = this.leases.get(lease.name);
    if (held?.token !== lease.token) return;
    // Until the store has heard of it: the next beat tries again.
    this.lost.set(held.name, held.lease);
    this.end(held, 'released');
    await this.giveUp(held.name);
  }

  /** Gives up every lease. Those run out of which the store gives no answer within 5 seconds, or cannot be reached: it gives the reason. */
  close(): Promise<string | undefined> {
    return (this.closing ??= this.finish());
  }

  private async finish(): Promise<string | undefined> {
    clearInterval(this.timer);
    const given = [...this.leases.values()];
    for (const held of given) this.end(held, 'released');
    const freed = await Promise.allSettled(
      [...given.map(({ lease }) => lease), ...this.lost.values()].map((lease) => this.free(lease)),
    );
    const failed = freed.find((it) => it.status === 'rejected');
    return failed && messageOf(failed.reason);
  }

  private keep(held: Held): Held {
    if (this.leases.size === 0) this.renewedAt = this.now();
    this.leases.set(held.name, held);
    this.tell(held.name, 'acquired');
    // A sixth of the time: a renewal that is due, and a loss, are noticed that soon.
    this.timer ??= outside(() => setInterval(() => this.beat(), Math.max(1, this.ttlMs / 6))).unref();
    return held;
  }

  private beat(): void {
    this.dropLost();
    if (this.leases.size === 0 && this.lost.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
      return;
    }
    if (this.now() - this.renewedAt < this.ttlMs / 3) return;
    // Neither waits for the other: a store may give no answer to one of them alone.
    this.givingUp ??= this.giveUpLost().finally(() => {
      this.givingUp = undefined;
    });
    // An outage is no loss yet: the next beat tries again, for as long as there is time.
    this.renewing ??= inTime(this.ttlMs, this.renew(), { instead: undefined })
      .catch(() => {
        this.renewedAt = -Infinity;
      })
      .finally(() => {
        this.renewing = undefined;
      });
  }

  private async renew(): Promise<void> {
    const began = this.now();
    this.renewedAt = began;
    const asked = [...this.leases.values()];
    if (asked.length === 0) return;
    const renewed = new Map(
      (await this.state.renew(asked.map(({ lease }) => lease))).map((lease) => [lease.name, lease]),
    );
    for (const held of asked) {
      if (this.leases.get(held.name) !== held) continue;
      const lease = renewed.get(held.name);
      if (lease) held.prolong(lease, began + this.ttlMs);
      else this.end(held, 'lost');
    }
  }

  private dropLost(): void {
    for (const held of this.leases.values()) {
      if (held.isHeld) continue;
      this.lost.set(held.name, held.lease);
      this.end(held, 'lost');
    }
  }

  private giveUpLost(): Promise<unknown> {
    return Promise.allSettled([...this.lost.keys()].map((name) => this.giveUp(name)));
  }

  /** Until the store knows that the lease is given up, taking it again would give the token that old work writes with. */
  private async giveUp(name: string): Promise<void> {
    const lease = this.lost.get(name);
    if (!lease) return;
    await this.free(lease);
    if (this.lost.get(name) === lease) this.lost.delete(name);
  }

  /** A store that gives no answer holds nobody up: the lease runs out. */
  private async free(lease: Lease): Promise<void> {
    const freed = this.state.release(lease).then(() => true);
    if (await inTime(LONGEST_RELEASE_MS, freed, { instead: false })) return;
    const reason = `no answer within ${LONGEST_RELEASE_MS} ms to giving up lease ${lease.name}, which runs out`;
    throw new StoreUnavailable('The state store', reason);
  }

  private end(held: Held, change: 'lost' | 'released'): void {
    this.leases.delete(held.name);
    held.end();
    this.tell(held.name, change);
  }

  private tell(lease: string, change: LeaseChanged['change']): void {
    this.observer.lease(() => ({ lease, owner: this.owner, change }));
  }

  private checkOpen(): void {
    if (this.closing) throw this.closed();
  }

  private closed(): StoreClosed {
    return new StoreClosed(`the holder of leases of ${this.owner}`);
  }
}

const LONGEST_RELEASE_MS = 5_000;

class Held implements HeldLease {
  private readonly ending = new AbortController();
  readonly signal = this.ending.signal;
  /** What the signal says, without asking it: this is looked at before every event. */
  private isEnded = false;

  constructor(
    public lease: Lease,
    private until: number,
    private readonly now: () => number,
  ) {}

  get name(): string {
    return this.lease.name;
  }

  get token(): number {
    return this.lease.token;
  }

  get isHeld(): boolean {
    return !this.isEnded && this.now() < this.until;
  }

  get leftMs(): number {
    return this.isEnded ? 0 : Math.max(0, this.until - this.now());
  }

  prolong(lease: Lease, until: number): void {
    this.lease = lease;
    this.until = until;
  }

  end(): void {
    this.isEnded = true;
    this.ending.abort();
  }
}
