import type { StateStore } from '@backstory/core';
import { FenceLost, type HeldLease, type StateEntry, type StateView } from '@backstory/core/state';
import { collectionsOf } from './collections.js';
import { partitionName } from './key-partition.js';
import { completed, leftOutIn, leftOutOf, readLeftOut } from './left-out.js';
import { readMark, type Mark } from './mark.js';
import { parkedAt, parkedIn, writeParked, type DeadKey, type ParkedKey } from './parked-key.js';
import type { Partition } from './partition.js';
import { clear, pagesOf, rowsOf } from './pages-of.js';
import { proofOf, readProgress, writeProgress, type Progress } from './progress.js';

/** What is stored of a partition. */
export interface StoredPartition {
  readonly progress: Progress | undefined;
  readonly parked: readonly (ParkedKey | DeadKey)[];
  readonly marks: readonly Mark[];
}

/** Which log the positions are of. */
export interface LogPart {
  readonly logId: string;
  readonly epoch: number;
}

/** Reads and writes what is stored of a subscription's partitions, each under its lease. */
export class PartitionState {
  private readonly collections: ReturnType<typeof collectionsOf>;

  constructor(
    private readonly state: StateStore,
    name: string,
    /** Refuses, before anything is stored. */
    private readonly check: (view: StateView) => Promise<void> = async () => undefined,
  ) {
    this.collections = collectionsOf(name);
  }

  /** Whoever was owner before can write nothing any more, so this is the last word. */
  load(numbers: readonly number[]): Promise<ReadonlyMap<number, StoredPartition>> {
    const partitions = numbers.toSorted((a, b) => a - b);
    return this.state.read(async (view) => {
      const { progress, parked, once } = this.collections;
      const known = await view.getMany(progress, partitions.map(partitionName));
      const keys = await listByPartition(view, { collection: parked, partitions, read: parkedIn });
      const marks = await listByPartition(view, { collection: once, partitions, read: readMark });
      const loaded = new Map<number, StoredPartition>();
      for (const number of partitions) {
        const name = partitionName(number);
        const text = known.get(name);
        loaded.set(number, {
          progress: text === undefined ? undefined : readProgress(text),
          parked: keys.get(name)!,
          marks: marks.get(name)!,
        });
      }
      return loaded;
    });
  }

  /**
   * Stores how far partitions are, in one transaction under their leases. `log` is asked once it is decided what is stored, with
   * the proof of the partition that is farthest: which epoch that belongs to may have changed until then, and not afterwards.
   */
  async save(
    partitions: readonly Partition[],
    log: (proof: ReturnType<typeof proofOf>) => Promise<LogPart>,
  ): Promise<SaveResult> {
    const changes = partitions.flatMap((it) => changeOf(it) ?? []);
    if (changes.length === 0) return { written: 0, lost: [] };
    for (const { partition } of changes) {
      partition.changed.clear();
      partition.outcomes = new Map();
      partition.replays = new Map();
      partition.replayMarks = new Set();
    }
    const proofs = changes.map(({ progress }) => proofOf(progress));
    const farthest = proofs.reduce((a, b) => (b.through > a.through ? b : a));
    const part = await log(farthest).catch((error: unknown) => undo(changes, error));
    const lost: Partition[] = [];
    let left = changes;
    while (left.length > 0) {
      try {
        await this.write(left, part);
        break;
      } catch (error) {
        const gone = error instanceof FenceLost && left.find((it) => it.partition.lease.name === error.lease);
        if (!gone) return undo(left, error);
        lost.push(gone.partition);
        left = left.filter((it) => it !== gone);
      }
    }
    for (const change of left) settle(change);
    return { written: left.length, lost };
  }

  /** Puts a partition where a reset wants it: nothing waits, is marked or left out. A replay keeps its marks, for as long as it goes on. */
  async reset(lease: HeldLease, number: number, progress: Progress): Promise<void> {
    const { parked, once, leftOut } = this.collections;
    const name = partitionName(number);
    await this.state.transaction([lease], async (tx) => {
      for (const collection of [parked, once, leftOut]) await clear(tx, collection, `${name}/`);
      await tx.put(this.collections.progress, name, writeProgress(progress));
    });
  }

  private write(changes: readonly Change[], log: LogPart): Promise<void> {
    const { progress, parked, once, outcomes, leftOut, requests, replays, replayOnce } = this.collections;
    const leases = changes.map(({ partition }) => partition.lease);
    return this.state.transaction(leases, async (tx) => {
      await this.check(tx);
      const rows = changes.map((it) => ({
        key: partitionName(it.partition.number),
        value: writeProgress({ ...it.progress, ...log }),
      }));
      await tx.putMany(progress, rows);
      for (const [collection, entries] of [
        [parked, changes.flatMap((it) => it.puts)],
        [outcomes, changes.flatMap((it) => entriesOf(it.outcomes))],
        [leftOut, await this.leftOut(tx, changes)],
        [replays, changes.flatMap((it) => entriesOf(it.replays))],
      ] as const) {
        if (entries.length > 0) await tx.putMany(collection, entries);
      }
      for (const [collection, keys] of [
        [parked, changes.flatMap((it) => it.deletes)],
        [once, changes.flatMap((it) => it.marks.map(({ at }) => at))],
        [requests, changes.flatMap((it) => it.requests)],
        [outcomes, changes.flatMap((it) => goneOf(it.outcomes))],
        [leftOut, changes.flatMap((it) => goneOf(it.leftOut))],
        [replays, changes.flatMap((it) => goneOf(it.replays))],
        [replayOnce, changes.flatMap((it) => it.replayMarks)],
      ] as const) {
        if (keys.length > 0) await tx.deleteMany(collection, keys);
      }
      // Of what it did not come back to: a reset has put that where it is to come.
      for (const ended of changes.flatMap((it) => goneOf(it.replays)))
        await clear(tx, replayOnce, `${ended}/`);
    });
  }

  /**
   * What was left out, with what had been done once of it: of that nobody may have heard. Its marks do not outlive the next owner's first
   * checkpoint. Where it was done late, or less is left out than before, what is stored is completed, and says what was done.
   */
  private async leftOut(view: StateView, changes: readonly Change[]): Promise<readonly StateEntry[]> {
    const rows: StateEntry[] = [];
    for (const { partition, leftOut, marks: going } of changes) {
      const entries = new Map<string, string | undefined>();
      const done: Mark[] = [];
      const late = going.flatMap(({ isLate, key }) => (isLate ? [leftOutOf(key)] : []));
      for (const prefix of new Set([...late, ...goneOf(leftOut).map(leftOutIn)]))
        for (const { key, value } of await rowsOf(view, this.collections.leftOut, prefix)) {
          entries.set(key, value);
          const stored = readLeftOut(value);
          done.push(...stored.done.map((at) => readMark({ key: at, value: stored.key })));
        }
      for (const [at, text] of leftOut) entries.set(at, text);
      const left = entriesOf(entries);
      if (left.length === 0) continue;
      const marks = await rowsOf(view, this.collections.once, `${partitionName(partition.number)}/`);
      rows.push(...completed(left, [...marks.map(readMark), ...done]));
    }
    return rows;
  }
}

/** What became of a save. */
export interface SaveResult {
  readonly written: number;
  readonly lost: readonly Partition[];
}

interface Change {
  readonly partition: Partition;
  readonly progress: Omit<Progress, keyof LogPart>;
  readonly keys: readonly string[];
  readonly puts: readonly StateEntry[];
  readonly deletes: readonly string[];
  readonly marks: readonly Mark[];
  readonly outcomes: ReadonlyMap<string, string | undefined>;
  readonly leftOut: ReadonlyMap<string, string | undefined>;
  readonly replays: ReadonlyMap<string, string | undefined>;
  readonly replayMarks: readonly string[];
  readonly requests: readonly string[];
}

/** What is to be written of a partition as it is at this moment; `undefined` when it is stored already. */
function changeOf(partition: Partition): Change | undefined {
  const { number, tracker, parked, reset, accounted, outcomes, leftOut, replays } = partition;
  const { through, last, farthest } = tracker;
  const ahead = tracker.finishedAhead();
  const kept = {
    ...(last && { last }),
    ...(farthest && { farthest }),
    ...(reset !== undefined && { reset }),
    ...(accounted && { accounted }),
  };
  const progress = { through, ahead, parked, ...kept };
  const keys = [...partition.changed];
  const requests = [...partition.done];
  if (keys.length + requests.length + replays.size === 0 && isSame(progress, partition.saved))
    return undefined;
  const records = keys.map((key) => ({
    key: parkedAt(number, key),
    record: partition.lanes.get(key)?.parked,
  }));
  return {
    partition,
    progress,
    keys,
    puts: records.flatMap(({ key, record }) => (record ? [{ key, value: writeParked(record) }] : [])),
    deletes: records.flatMap(({ key, record }) => (record ? [] : [key])),
    marks: coveredMarks(partition, through, new Set(ahead)),
    outcomes,
    leftOut: new Map(leftOut),
    replays,
    replayMarks: [...partition.replayMarks],
    requests,
  };
}

function isSame(progress: Change['progress'], saved: string | undefined): boolean {
  return JSON.stringify(progress) === saved;
}

function settle({ partition, progress, marks, leftOut, requests }: Change): void {
  partition.saved = JSON.stringify(progress);
  for (const { at } of marks) partition.marks.delete(at);
  for (const [at, text] of leftOut) if (partition.leftOut.get(at) === text) partition.leftOut.delete(at);
  for (const request of requests) partition.done.delete(request);
}

/** Nothing was written: it is to be written next time. */
function undo(changes: readonly Change[], error: unknown): never {
  for (const { partition, keys, outcomes, replays, replayMarks } of changes) {
    for (const key of keys) partition.changed.add(key);
    // What was noted meanwhile is newer.
    partition.outcomes = new Map([...outcomes, ...partition.outcomes]);
    partition.replays = new Map([...replays, ...partition.replays]);
    for (const mark of replayMarks) partition.replayMarks.add(mark);
  }
  throw error;
}

/** Marks of events that this checkpoint covers: they are not delivered again. */
function coveredMarks(partition: Partition, through: number, ahead: ReadonlySet<number>): readonly Mark[] {
  return [...partition.marks.values()].filter(({ position, key }) => {
    const stands = partition.lanes.get(key)?.stands;
    const isFinished = position <= through || ahead.has(position);
    return isFinished && !(stands && position >= stands.cursor);
  });
}

function entriesOf(rows: ReadonlyMap<string, string | undefined>): readonly StateEntry[] {
  return [...rows].flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]));
}

function goneOf(rows: ReadonlyMap<string, string | undefined>): readonly string[] {
  return [...rows].flatMap(([key, value]) => (value === undefined ? [key] : []));
}

/** What is stored of some partitions, by their names. Those that follow one another are had in one go. */
async function listByPartition<T>(
  view: StateView,
  { collection, partitions, read }: Listing<T>,
): Promise<ReadonlyMap<string, readonly T[]>> {
  const found = new Map<string, T[]>(partitions.map((number) => [partitionName(number), []]));
  for (const [first, last] of runsOf(partitions)) {
    // A `0` follows the `/` that ends the name of a partition.
    const bounds = { after: `${partitionName(first)}/`, upTo: `${partitionName(last)}0` };
    for await (const page of pagesOf(view, collection, bounds))
      for (const row of page) found.get(row.key.slice(0, row.key.indexOf('/')))!.push(read(row));
  }
  return found;
}

function runsOf(ascending: readonly number[]): readonly (readonly [first: number, last: number])[] {
  const runs: [number, number][] = [];
  for (const number of ascending) {
    const run = runs.at(-1);
    if (run && run[1] + 1 === number) run[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

interface Listing<T> {
  readonly collection: string;
  /** Ascending. */
  readonly partitions: readonly number[];
  readonly read: (row: StateEntry) => T;
}
