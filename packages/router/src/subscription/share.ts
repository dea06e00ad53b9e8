import type { StateStore } from '@backstory/core';
import type { HeldLease, Lease, LeaseHolder } from '@backstory/core/state';
import { leasesOf } from './collections.js';
import { PARTITIONS } from './key-partition.js';

/** What a process is to do so that the processes of a subscription have equal shares of its partitions. */
export interface Balance {
  readonly acquired: readonly {
    readonly number: number;
    readonly lease: HeldLease;
    readonly isTakenOver: boolean;
  }[];
  /** How many of its own it is to give up, because others have fewer. */
  readonly surplus: number;
}

/**
 * One process's share of a subscription's partitions. Each process shows that it is there by a lease of its own, takes what is
 * free up to its share, and gives up what is more; what a dead one held is free when its leases have run out.
 */
export class Share {
  private readonly names: ReturnType<typeof leasesOf>;
  private member: HeldLease | undefined;

  constructor(
    private readonly state: StateStore,
    private readonly holder: LeaseHolder,
    subscription: string,
  ) {
    this.names = leasesOf(subscription);
  }

  /** The lease by which this process shows that it is there, and its place among the others. */
  get presence(): { readonly lease: HeldLease; readonly place: string } | undefined {
    const { member } = this;
    return member?.isHeld ? { lease: member, place: member.name.slice(this.names.prefix.length) } : undefined;
  }

  /** Shows that it is there. */
  async enter(): Promise<void> {
    if (!this.member?.isHeld) this.member = await this.join(this.names.member);
  }

  async balance(owned: number): Promise<Balance> {
    await this.enter();
    const leases = await this.state.leases(this.names.prefix);
    const mine = leases.find(({ name }) => name === this.member?.name);
    // By the store's clock, and no later than now: our own lease was renewed a moment ago.
    const now = mine ? mine.expiresAt.getTime() - mine.ttlMs : 0;
    const members = leases.filter(
      (it) => this.names.isMember(it.name) && it.expiresAt.getTime() > now,
    ).length;
    const share = Math.ceil(PARTITIONS / Math.max(1, members));
    if (owned >= share) return { acquired: [], surplus: owned - share };
    return { acquired: await this.acquire(leases, share - owned, now), surplus: 0 };
  }

  /** Whether another process is there that can work on it. */
  async hasOthers(): Promise<boolean> {
    const now = (await this.state.now()).getTime();
    const leases = await this.state.leases(this.names.prefix);
    return leases.some(
      ({ name, expiresAt }) =>
        this.names.isMember(name) && name !== this.member?.name && expiresAt.getTime() > now,
    );
  }

  /** Others need not wait until it has run out. */
  async leave(): Promise<void> {
    const { member } = this;
    this.member = undefined;
    if (member) await this.holder.release(member);
  }

  /** Shows that it is there without being able to do anything: others take its share. */
  async fail(): Promise<void> {
    if (this.member?.isHeld && this.names.isFaulted(this.member.name)) return;
    await this.leave();
    this.member = await this.join(this.names.faulted);
  }

  private async join(place: (slot: number) => string): Promise<HeldLease> {
    for (let slot = 0; ; slot++) {
      const lease = await this.holder.acquire(place(slot));
      if (lease) return lease;
    }
  }

  /** Comes back after a fault. */
  recover(): Promise<void> {
    return this.leave();
  }

  /** Asks for those that are free, and for those that nobody has renewed for a while: the store knows which have run out. */
  private async acquire(leases: readonly Lease[], most: number, now: number): Promise<Balance['acquired']> {
    const held = new Map(leases.map((it) => [this.names.partitionIn(it.name), it]));
    const { owner } = this.holder;
    const own = new Set(this.holder.held.map(({ name }) => name));
    const free = Array.from({ length: PARTITIONS }, (_, number) => number).filter((number) => {
      const lease = held.get(number);
      if (!lease) return true;
      // Ours in the store alone: its answer, or our word that we give it up, was lost.
      if (lease.owner === owner) return !own.has(lease.name);
      return lease.expiresAt.getTime() < now + lease.ttlMs / 2;
    });
    const acquired: Balance['acquired'][number][] = [];
    // No more at once than are wanted: what somebody else gets of them is asked for again next time.
    const asked = await Promise.allSettled(
      free.slice(0, most).map(async (number) => {
        const lease = await this.holder.acquire(this.names.partition(number));
        const before = held.get(number)?.owner ?? owner;
        if (lease) acquired.push({ number, lease, isTakenOver: before !== owner });
      }),
    );
    // Those that were got are to be handled, whatever became of the others.
    const failed = asked.find((it) => it.status === 'rejected');
    if (failed && acquired.length === 0) throw failed.reason;
    return acquired;
  }
}
