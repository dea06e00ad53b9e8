import type { StateStore } from '@backstory/core';
import type { StateTransaction } from '@backstory/core/state';
import { collectionsOf } from './collections.js';
import type { Effects, OncePlace } from './delivery.js';
import { partitionName } from './key-partition.js';
import { markAt } from './mark.js';

/** What handlers do once: in one transaction with the mark that says so, under the lease of the event's partition. */
export class OnceEffects implements Effects {
  private readonly collections: ReturnType<typeof collectionsOf>;

  constructor(
    private readonly state: StateStore,
    name: string,
  ) {
    this.collections = collectionsOf(name);
  }

  /** Runs `work` unless its mark is there, and leaves the mark. */
  async once<T>(place: OncePlace, work: (tx: StateTransaction) => Promise<T>): Promise<T | undefined> {
    const { lane, event } = place;
    const { partition, key, replaying } = lane;
    const at = atOf(place);
    if (replaying) return this.onceMore(place, at, work);
    const { once } = this.collections;
    const result = await this.state.transaction([partition.lease], async (tx) => {
      if ((await tx.get(once, at)) !== undefined) return undefined;
      const done = await work(tx);
      await tx.put(once, at, key);
      return done;
    });
    partition.marks.set(at, { at, position: event.position, key });
    return result;
  }

  /** The same for several events of one partition at once. */
  async onceEach<T>(
    places: readonly OncePlace[],
    work: (tx: StateTransaction, fresh: readonly number[]) => Promise<T>,
  ): Promise<T | undefined> {
    const { once } = this.collections;
    const { partition } = places[0]!.lane;
    const marks = places.map((it) => ({ at: atOf(it), position: it.event.position, key: it.lane.key }));
    const ats = marks.map(({ at }) => at);
    const result = await this.state.transaction([partition.lease], async (tx) => {
      const there = await tx.getMany(once, ats);
      const fresh = marks.flatMap(({ at }, i) => (there.has(at) ? [] : [i]));
      if (fresh.length === 0) return undefined;
      const done = await work(tx, fresh);
      const rows = fresh.map((i) => ({ key: ats[i]!, value: marks[i]!.key }));
      await tx.putMany(once, rows);
      return done;
    });
    for (const mark of marks) partition.marks.set(mark.at, mark);
    return result;
  }

  /** In a replay only what was never done is done; or, where that is wanted, everything, once in each replay. */
  private async onceMore<T>(
    { lane }: OncePlace,
    at: string,
    work: (tx: StateTransaction) => Promise<T>,
  ): Promise<T | undefined> {
    const { again, leftOut, id, marks } = lane.replaying!;
    if (!again && (!leftOut || leftOut.done.includes(at))) return undefined;
    const { replayOnce } = this.collections;
    const mark = `${partitionName(lane.partition.number)}/${id}/${at}`;
    const result = await this.state.transaction([lane.partition.lease], async (tx) => {
      if ((await tx.get(replayOnce, mark)) !== undefined) return undefined;
      const done = await work(tx);
      await tx.put(replayOnce, mark, lane.key);
      return done;
    });
    marks.push(mark);
    return result;
  }
}

const atOf = (place: OncePlace) => markAt(place.lane.partition.number, place);
