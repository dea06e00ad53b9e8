import type { StateStore } from '@backstory/core';
import type { HeldLease, LeaseHolder, StateTransaction, StateView } from '@backstory/core/state';
import { collectionsOf } from './collections.js';
import type { Effects, OncePlace } from './delivery.js';
import { OnceTimedOut } from './errors.js';
import { leftOutOf, readLeftOut } from './left-out.js';
import { markAt, replayMarksOf } from './mark.js';
import { rowsOf } from './pages-of.js';

/** What handlers do once: in one transaction with the mark that says so, under the lease of the event's partition. */
export class OnceEffects implements Effects {
  private readonly collections: ReturnType<typeof collectionsOf>;

  constructor(
    private readonly state: StateStore,
    private readonly leases: LeaseHolder,
    name: string,
  ) {
    this.collections = collectionsOf(name);
  }

  /** Runs `work` unless its mark is there, and leaves the mark. */
  async once<T>(place: OncePlace, work: (tx: StateTransaction) => Promise<T>): Promise<T | undefined> {
    const { partition, key, replaying } = place.lane;
    const at = atOf(place);
    if (replaying) return this.onceMore(place, at, work);
    const { once } = this.collections;
    const result = await this.state.transaction([partition.lease], async (tx) => {
      if ((await tx.get(once, at)) !== undefined) return undefined;
      const done = await this.inTime(partition.lease, () => work(tx));
      await tx.put(once, at, key);
      return done;
    });
    note(place, at);
    return result;
  }

  /** The same for several events of one partition at once. */
  async onceEach<T>(
    places: readonly OncePlace[],
    work: (tx: StateTransaction, fresh: readonly number[]) => Promise<T>,
  ): Promise<T | undefined> {
    const { once } = this.collections;
    const { partition } = places[0]!.lane;
    const ats = places.map(atOf);
    const result = await this.state.transaction([partition.lease], async (tx) => {
      const there = await tx.getMany(once, ats);
      const fresh = ats.flatMap((at, i) => (there.has(at) ? [] : [i]));
      if (fresh.length === 0) return undefined;
      const done = await this.inTime(partition.lease, () => work(tx, fresh));
      const rows = fresh.map((i) => ({ key: ats[i]!, value: places[i]!.lane.key }));
      await tx.putMany(once, rows);
      return done;
    });
    for (const [i, place] of places.entries()) note(place, ats[i]!);
    return result;
  }

  /** In a replay only what was never done is done; or, where that is wanted, everything, once in each replay. */
  private async onceMore<T>(
    place: OncePlace,
    at: string,
    work: (tx: StateTransaction) => Promise<T>,
  ): Promise<T | undefined> {
    const { partition, key, replaying } = place.lane;
    const { again, leftOut, id, marks } = replaying!;
    if (!again && !leftOut) return undefined;
    const { once, replayOnce } = this.collections;
    const mark = `${replayMarksOf(partition.number, id)}${at}`;
    const result = await this.state.transaction([partition.lease], async (tx) => {
      if (again ? (await tx.get(replayOnce, mark)) !== undefined : await this.isDone(tx, key, at))
        return undefined;
      const done = await this.inTime(partition.lease, () => work(tx));
      if (again) await tx.put(replayOnce, mark, key);
      // For the next replay, however late this is committed.
      if (leftOut) await tx.put(once, at, key);
      return done;
    });
    if (again) marks.push(mark);
    if (leftOut) note(place, at);
    return result;
  }

  /** Before its event was left out, or since: also where nobody has heard of it, and by an attempt that had been given up. */
  private async isDone(view: StateView, key: string, at: string): Promise<boolean> {
    const { once, leftOut } = this.collections;
    if ((await view.get(once, at)) !== undefined) return true;
    const rows = await rowsOf(view, leftOut, leftOutOf(key));
    return rows.some(({ value }) => readLeftOut(value).done.includes(at));
  }

  /**
   * Where a store has one writer, work that holds it holds back the renewal of leases: it is given up while there is time for that. A
   * lease that ran out would take the attempt with it, uncounted, and the work would hang again.
   */
  private async inTime<T>(lease: HeldLease, work: () => Promise<T>): Promise<T> {
    const { leases } = this;
    const began = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const look = () => {
        const leftMs = leases.leftMs(lease) - leases.ttlMs / 3;
        if (leftMs > 0) timer = setTimeout(look, Math.max(leftMs, leases.ttlMs / 4));
        else reject(new OnceTimedOut(Math.round(performance.now() - began)));
      };
      timer = setTimeout(look, leases.ttlMs / 4);
    });
    try {
      return await Promise.race([work(), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function note({ lane, event, signal }: OncePlace, at: string): void {
  const { partition, key, replaying } = lane;
  const isLate = signal.aborted || replaying !== undefined;
  partition.marks.set(at, { at, position: event.position, key, isLate });
}

const atOf = (place: OncePlace) => markAt(place.lane.partition.number, place);
