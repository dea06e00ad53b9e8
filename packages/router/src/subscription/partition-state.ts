import type { StateStore } from '@backstory/core';
import { FenceLost, type HeldLease, type StateEntry, type StateView } from '@backstory/core/state';
import { collectionsOf } from './collections.js';
import { PARTITIONS, partitionName } from './key-partition.js';
import { readMark, type Mark } from './mark.js';
import { parkedAt, storedParked, writeParked, type StoredParked } from './parked-key.js';
import type { Partition } from './partition.js';
import { proofOf, readProgress, writeProgress, type Progress } from './progress.js';

/** What is stored of a partition. */
export interface StoredPartition {
  readonly progress: Progress | undefined;
  readonly parked: readonly StoredParked[];
  readonly marks: readonly Mark[];
}

/** Which log the positions are of. */
export interface LogPart {
  readonly logId: string;
  readonly epoch: number;
}

/** One that is not dead is needed at once: that it cannot be read is found out while its partition can still be given up. */
function readableParked(rows: readonly StateEntry[]): readonly StoredParked[] {
  const stored = storedParked(rows);
  for (const it of stored) if (!it.isDead) it.read();
  return stored;
}

/** Reads and writes what is stored of a subscription's partitions, each under its lease. */
export class PartitionState {
  private readonly collections: ReturnType<typeof collectionsOf>;

  constructor(
    private readonly state: StateStore,
    name: string,
  ) {
    this.collections = collectionsOf(name);
  }

  /** Whoever was owner before can write nothing any more, so this is the last word. */
  load(partitions: readonly number[]): Promise<ReadonlyMap<number, StoredPartition>> {
    return this.state.read(async (view) => {
      const { progress, parked, once } = this.collections;
      const known = await view.getMany(progress, partitions.map(partitionName));
      const keys = await listByPartition(view, { collection: parked, partitions, read: readableParked });
      const marks = await listByPartition(view, {
        collection: once,
        partitions,
        read: (rows) => rows.map(readMark),
      });
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
      partition.leftOut = new Map();
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

  /** Puts a partition where a reset wants it: nothing waits, nothing is marked or left out. */
  async reset(lease: HeldLease, number: number, progress: Progress): Promise<void> {
    const { parked, once, leftOut } = this.collections;
    const name = partitionName(number);
    await this.state.transaction([lease], async (tx) => {
      for (const collection of [parked, once, leftOut]) {
        for await (const rows of pagesOf(tx, collection, `${name}/`))
          await tx.deleteMany(
            collection,
            rows.map(({ key }) => key),
          );
      }
      await tx.put(this.collections.progress, name, writeProgress(progress));
    });
  }

  private write(changes: readonly Change[], log: LogPart): Promise<void> {
    const { progress, parked, once, outcomes, leftOut, requests, replays, replayOnce } = this.collections;
    const leases = changes.map(({ partition }) => partition.lease);
    return this.state.transaction(leases, async (tx) => {
      const rows = changes.map((it) => ({
        key: partitionName(it.partition.number),
        value: writeProgress({ ...it.progress, ...log }),
      }));
      await tx.putMany(progress, rows);
      for (const [collection, entries] of [
        [parked, changes.flatMap((it) => it.puts)],
        [outcomes, changes.flatMap((it) => entriesOf(it.outcomes))],
        [leftOut, changes.flatMap((it) => entriesOf(it.leftOut))],
        [replays, changes.flatMap((it) => entriesOf(it.replays))],
      ] as const) {
        if (entries.length > 0) await tx.putMany(collection, entries);
      }
      for (const [collection, keys] of [
        [parked, changes.flatMap((it) => it.deletes)],
        [once, changes.flatMap((it) => it.marks)],
        [requests, changes.flatMap((it) => it.requests)],
        [leftOut, changes.flatMap((it) => goneOf(it.leftOut))],
        [replays, changes.flatMap((it) => goneOf(it.replays))],
        [replayOnce, changes.flatMap((it) => it.replayMarks)],
      ] as const) {
        if (keys.length > 0) await tx.deleteMany(collection, keys);
      }
    });
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
  readonly marks: readonly string[];
  readonly outcomes: ReadonlyMap<string, string>;
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
    leftOut,
    replays,
    replayMarks: [...partition.replayMarks],
    requests,
  };
}

function isSame(progress: Change['progress'], saved: string | undefined): boolean {
  return JSON.stringify(progress) === saved;
}

function settle({ partition, progress, marks, requests }: Change): void {
  partition.saved = JSON.stringify(progress);
  for (const mark of marks) partition.marks.delete(mark);
  for (const request of requests) partition.done.delete(request);
}

/** Nothing was written: it is to be written next time. */
function undo(changes: readonly Change[], error: unknown): never {
  for (const { partition, keys, outcomes, leftOut, replays, replayMarks } of changes) {
    for (const key of keys) partition.changed.add(key);
    // What was noted meanwhile is newer.
    partition.outcomes = new Map([...outcomes, ...partition.outcomes]);
    partition.leftOut = new Map([...leftOut, ...partition.leftOut]);
    partition.replays = new Map([...replays, ...partition.replays]);
    for (const mark of replayMarks) partition.replayMarks.add(mark);
  }
  throw error;
}

/** Marks of events that this checkpoint covers: they are not delivered again. */
function coveredMarks(partition: Partition, through: number, ahead: ReadonlySet<number>): readonly string[] {
  const covered = [...partition.marks.values()].filter(({ position, key }) => {
    const parked = partition.lanes.get(key)?.parked;
    const isFinished = position <= through || ahead.has(position);
    return isFinished && !(parked && position >= parked.cursor);
  });
  return covered.map(({ at }) => at);
}

function entriesOf(rows: ReadonlyMap<string, string | undefined>): readonly StateEntry[] {
  return [...rows].flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]));
}

function goneOf(rows: ReadonlyMap<string, string | undefined>): readonly string[] {
  return [...rows].flatMap(([key, value]) => (value === undefined ? [key] : []));
}

/** What is stored of some partitions, by their names. Of all of them it is had in one go. */
async function listByPartition<T>(
  view: StateView,
  { collection, partitions, read }: Listing<T>,
): Promise<ReadonlyMap<string, readonly T[]>> {
  const found = new Map<string, T[]>(partitions.map((number) => [partitionName(number), []]));
  const prefixes = partitions.length === PARTITIONS ? [''] : [...found.keys()].map((name) => `${name}/`);
  for (const prefix of prefixes)
    for await (const page of pagesOf(view, collection, prefix)) {
      const items = read(page);
      page.forEach(({ key }, i) => found.get(key.slice(0, key.indexOf('/')))?.push(items[i]!));
    }
  return found;
}

interface Listing<T> {
  readonly collection: string;
  readonly partitions: readonly number[];
  /** An item for each row. */
  readonly read: (page: readonly StateEntry[]) => readonly T[];
}

async function* pagesOf(
  view: StateView,
  collection: string,
  prefix: string,
): AsyncGenerator<readonly StateEntry[], void> {
  for (let after = ''; ;) {
    const page = await view.list(collection, { prefix, after, limit: PAGE });
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    after = page.at(-1)!.key;
  }
}

/** Small enough that the rows of one are gone before the next comes. */
const PAGE = 2_000;
