import { categoryOf, type EventStore, type StoredEvent } from '@backstory/core';

/** What is in a log, counted. */
export interface Stats {
  readonly logId: string;
  readonly epoch: number;
  /** The last position of the log, of which everything up to here was counted. */
  readonly head: number;
  readonly events: number;
  readonly streams: number;
  /** Bytes of data and metadata, in UTF-8. */
  readonly bytes: number;
  readonly firstRecordedAt: Date | null;
  readonly lastRecordedAt: Date | null;
  /** The largest first. */
  readonly categories: readonly CategoryStats[];
  /** The most frequent first. */
  readonly types: readonly TypeStats[];
}

/** What is in the streams of one category, counted. */
export interface CategoryStats {
  readonly category: string;
  readonly streams: number;
  readonly events: number;
}

/** How many events there are of one type, and when the last was recorded. */
export interface TypeStats {
  readonly type: string;
  readonly events: number;
  readonly lastRecordedAt: Date;
}

/** What is counted, and how to watch or end the counting. */
export interface StatsOptions {
  /** Count system streams as well. */
  readonly includeSystem?: boolean;
  /** Ends the counting; it then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called after every page with the position reached and the position to reach. */
  readonly onProgress?: (through: number, head: number) => void;
}

/** Counts a log, in one pass and in memory that grows with the number of types and categories only. */
export async function stats(store: EventStore, options: StatsOptions = {}): Promise<Stats> {
  const { includeSystem = false, signal, onProgress } = options;
  const { logId, epoch, head } = await store.identity();
  const counts = new Counts();
  for await (const { events, through } of store.readAll({ upTo: head, includeSystem, pageSize: 2_000 })) {
    signal?.throwIfAborted();
    for (const event of events) counts.add(event);
    onProgress?.(through, head);
  }
  return { logId, epoch, head, ...counts.result() };
}

class Counts {
  private events = 0;
  private bytes = 0;
  private first: Date | null = null;
  private last: Date | null = null;
  private readonly categories = new Map<string, { streams: number; events: number }>();
  private readonly types = new Map<string, { events: number; lastRecordedAt: Date }>();

  add({ stream, version, type, data, metadata, recordedAt }: StoredEvent): void {
    this.events++;
    this.bytes += Buffer.byteLength(data) + Buffer.byteLength(metadata);
    this.first ??= recordedAt;
    this.last = recordedAt;
    const category = entry(this.categories, categoryOf(stream), { streams: 0, events: 0 });
    category.events++;
    if (version === 1) category.streams++; // every stream has one first event
    const ofType = entry(this.types, type, { events: 0, lastRecordedAt: recordedAt });
    ofType.events++;
    ofType.lastRecordedAt = recordedAt;
  }

  result(): Omit<Stats, 'logId' | 'epoch' | 'head'> {
    const categories = [...this.categories].map(([category, count]) => ({ category, ...count }));
    const types = [...this.types].map(([type, count]) => ({ type, ...count }));
    return {
      events: this.events,
      streams: categories.reduce((sum, { streams }) => sum + streams, 0),
      bytes: this.bytes,
      firstRecordedAt: this.first,
      lastRecordedAt: this.last,
      categories: categories.sort((a, b) => b.events - a.events || byName(a.category, b.category)),
      types: types.sort((a, b) => b.events - a.events || byName(a.type, b.type)),
    };
  }
}

function entry<T>(map: Map<string, T>, key: string, otherwise: T): T {
  const known = map.get(key);
  if (known !== undefined) return known;
  map.set(key, otherwise);
  return otherwise;
}

function byName(a: string, b: string): number {
  return a < b ? -1 : 1;
}
