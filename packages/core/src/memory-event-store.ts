import { byBytes } from './by-bytes.js';
import { checkAppend, type CheckedAppend, type CheckedWrite } from './append-check.js';
import { EventIdReused, LogNotEmpty, StoreClosed, VersionConflict } from './errors.js';
import type {
  AppendResult,
  EventStore,
  LogExtent,
  LogIdentity,
  LogPage,
  LogQuery,
  PageBounds,
  StoreCapabilities,
  StreamHead,
  StreamSlice,
  StreamsQuery,
  Unsubscribe,
  Write,
} from './event-store.js';
import { MemoryLog, type Entry } from './memory-log.js';
import { RestoreCheck, type CheckedRestore } from './restore-check.js';
import { resolveQuery, resolveSlice, resolveStreamsQuery, type ResolvedQuery } from './read-bounds.js';
import { categoryOf, isSystemStream } from './stream-name.js';

export interface MemoryEventStoreOptions {
  /** The store's clock in milliseconds. Default `Date.now`. */
  readonly now?: () => number;
  /** Data and metadata of one event together. Default 1 MiB. */
  readonly maxEventBytes?: number;
}

/** A log in memory: the readable definition of what a store does. What it holds is gone when the process ends. */
export class MemoryEventStore implements EventStore {
  readonly capabilities: StoreCapabilities = {
    durable: false,
    multiStreamAppends: true,
    densePositions: true,
    unindexed: [],
  };
  private readonly now: () => number;
  private readonly maxEventBytes: number | undefined;
  private closed = false;

  constructor(
    { now = Date.now, maxEventBytes }: MemoryEventStoreOptions = {},
    private readonly log = new MemoryLog(),
  ) {
    this.now = now;
    this.maxEventBytes = maxEventBytes;
  }

  async append(writes: readonly Write[]): Promise<AppendResult> {
    this.checkOpen();
    const append = checkAppend(
      writes,
      this.maxEventBytes === undefined ? {} : { maxEventBytes: this.maxEventBytes },
    );
    const repeated = this.findRepeated(append);
    if (repeated) return repeated;
    for (const write of append.writes) this.checkVersion(write);
    const result = this.write(append);
    this.log.wakes.notify();
    return result;
  }

  /**
   * Identity comes before the version: what was recorded once is answered as it was then. An append is the same when its
   * events stand side by side in the log, in their streams, from the first of an append to its last.
   */
  private findRepeated({ appendId, writes }: CheckedAppend): AppendResult | undefined {
    const ids = writes.flatMap(({ stream, events }) => events.map(({ id }) => ({ stream, id })));
    const known = ids.find(({ id }) => this.log.byId.has(id));
    if (!known) return undefined;
    const begin = this.log.byId.get(appendId)?.index ?? -1;
    const there = this.log.entries.slice(Math.max(begin, 0), begin + ids.length).map(({ event }) => event);
    const same = ids.every(({ stream, id }, i) => {
      const event = there[i];
      return event?.id === id && event.stream === stream && event.appendIndex === i;
    });
    const goesOn = this.log.entries[begin + ids.length]?.event.appendIndex === ids.length;
    if (!same || goesOn) throw new EventIdReused(known.id, known.stream);
    const last = writes.map(({ events }) => this.log.byId.get(events.at(-1)!.id)!.event);
    const heads = last.map(({ stream, version, position }) => ({ stream, version, position }));
    const { recordedAt, position } = there.at(-1)!;
    return { appendId, position, recordedAt, repeated: true, writes: heads };
  }

  private checkVersion({ stream, expected }: CheckedWrite): void {
    const actual = this.log.streams.get(stream)?.length ?? 0;
    const holds = expected === 'any' || (expected === 'exists' ? actual > 0 : expected === actual);
    if (!holds) throw new VersionConflict(stream, expected, actual);
  }

  private write({ appendId, writes }: CheckedAppend): AppendResult {
    const head = this.log.entries.at(-1)?.event;
    const recordedAt = new Date(Math.max(head?.recordedAt.getTime() ?? 0, Math.floor(this.now())));
    let position = head?.position ?? 0;
    let appendIndex = 0;
    const heads = writes.map(({ stream, events }) => {
      let version = this.log.streams.get(stream)?.length ?? 0;
      for (const { correlationId, causationId, ...stamped } of events) {
        const place = { stream, version: ++version, position: ++position, appendIndex: appendIndex++ };
        this.log.add({ event: { ...stamped, ...place, recordedAt }, correlationId, causationId });
      }
      return { stream, version, position };
    });
    return { appendId, position, recordedAt, repeated: false, writes: heads };
  }

  async *readStream(stream: string, slice?: StreamSlice): AsyncGenerator<LogPage> {
    const { upToPosition, recordedUpTo, ...bounds } = resolveSlice(stream, slice);
    const matches = ({ event }: Entry) =>
      event.position <= upToPosition && (recordedUpTo === undefined || event.recordedAt <= recordedUpTo);
    const entries = () => this.log.streams.get(stream) ?? [];
    const place = ({ event }: Entry) => event.version;
    yield* this.pages({ ...bounds, entries, matches, place, through: (last) => last });
  }

  async *readAll(query?: LogQuery): AsyncGenerator<LogPage> {
    const resolved = resolveQuery(query);
    const through = () => Math.max(resolved.after, Math.min(resolved.upTo, this.log.head));
    const place = ({ event }: Entry) => event.position;
    yield* this.pages({
      ...resolved,
      entries: () => this.log.entries,
      matches: (entry) => matches(entry, resolved),
      place,
      through,
    });
  }

  /** Each page is taken from the log as it is then: it may have grown since the page before. */
  private async *pages({
    backwards,
    pageSize,
    entries,
    matches,
    place,
    through,
    ...read
  }: PagedRead): AsyncGenerator<LogPage> {
    let { after, upTo, limit } = read;
    for (;;) {
      this.checkOpen();
      const size = Math.min(pageSize, limit);
      const found = take(size, matches, between(entries(), place, { after, upTo, backwards }));
      limit -= found.length;
      const cut = limit === 0 || found.length === pageSize;
      const last = found.at(-1);
      if (last && backwards) upTo = place(last) - 1;
      if (last && !backwards) after = place(last);
      const end = backwards ? read.after + 1 : through(after);
      yield {
        events: found.map(({ event }) => event),
        through: cut ? (backwards ? Math.min(upTo + 1, Number.MAX_SAFE_INTEGER) : after) : end,
      };
      if (limit === 0 || !cut) return;
    }
  }

  async *listStreams(query?: StreamsQuery): AsyncGenerator<readonly StreamHead[]> {
    const { after, categories, includeSystem, limit, pageSize } = resolveStreamsQuery(query);
    this.checkOpen();
    const heads = [...this.log.streams.entries()]
      .filter(([stream]) => (includeSystem || !isSystemStream(stream)) && byBytes(stream, after) > 0)
      .filter(([stream]) => categories === undefined || categories.includes(categoryOf(stream)))
      .map(([, entries]) => entries.at(-1)!.event)
      .map(({ stream, version, position, recordedAt }): StreamHead => ({
        stream,
        version,
        position,
        recordedAt,
      }))
      .sort((a, b) => byBytes(a.stream, b.stream))
      .slice(0, limit);
    for (let i = 0; i === 0 || i < heads.length; i += pageSize) yield heads.slice(i, i + pageSize);
  }

  onAppend(wake: () => void): Unsubscribe {
    this.checkOpen();
    return this.log.wakes.add(wake);
  }

  async identity(): Promise<LogIdentity> {
    this.checkOpen();
    const { logId, epoch, head } = this.log;
    const headId = this.log.entries.at(-1)?.event.id;
    return { logId, epoch: epoch.number, epochStart: epoch.start, head, ...(headId && { headId }) };
  }

  async extent(): Promise<LogExtent> {
    this.checkOpen();
    return { streams: this.log.streams.size };
  }

  async restore(pages: AsyncIterable<LogPage> | Iterable<LogPage>): Promise<LogIdentity> {
    this.checkOpen();
    if (this.log.entries.length > 0) throw new LogNotEmpty(this.log.head);
    const check = new RestoreCheck(this.maxEventBytes);
    const restored: CheckedRestore[] = [];
    const ids = new Set<string>();
    for await (const page of pages) {
      const entries = check.page(page);
      check.refuseKnown(entries, ids);
      for (const entry of entries) {
        restored.push(entry);
        ids.add(entry.event.id);
      }
    }
    if (this.log.entries.length > 0) throw new LogNotEmpty(this.log.head);
    for (const entry of restored) this.log.add(entry);
    this.log.wakes.notify();
    return this.identity();
  }

  async adopt(): Promise<LogIdentity> {
    this.checkOpen();
    this.log.epoch = { number: this.log.epoch.number + 1, start: this.log.head };
    return this.identity();
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  private checkOpen(): void {
    if (this.closed) throw new StoreClosed('memory');
  }
}

interface PagedRead extends Required<PageBounds> {
  readonly after: number;
  readonly upTo: number;
  readonly entries: () => readonly Entry[];
  readonly matches: (entry: Entry) => boolean;
  /** The entry's place in the coordinate of the read: its version or its position. */
  readonly place: (entry: Entry) => number;
  /** `through` of a page that was not cut, when its last event is at `last`. */
  readonly through: (last: number) => number;
}

function* between(
  entries: readonly Entry[],
  place: (entry: Entry) => number,
  { after, upTo, backwards }: { after: number; upTo: number; backwards: boolean },
): Generator<Entry> {
  const from = firstBeyond(entries, place, after);
  const to = firstBeyond(entries, place, upTo);
  if (backwards) for (let i = to - 1; i >= from; i--) yield entries[i]!;
  else for (let i = from; i < to; i++) yield entries[i]!;
}

/** The index of the first entry whose place is greater than `bound`, by bisection. */
function firstBeyond(entries: readonly Entry[], place: (entry: Entry) => number, bound: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (place(entries[middle]!) > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

function take(size: number, matches: (entry: Entry) => boolean, entries: Iterable<Entry>): Entry[] {
  const taken: Entry[] = [];
  if (size === 0) return taken;
  for (const entry of entries) {
    if (matches(entry) && taken.push(entry) === size) break;
  }
  return taken;
}

function matches({ event, correlationId, causationId }: Entry, query: ResolvedQuery): boolean {
  const among = (names: readonly string[] | undefined, name: string | undefined) =>
    names === undefined || (name !== undefined && names.includes(name));
  return (
    among(query.types, event.type) &&
    among(query.streams, event.stream) &&
    among(query.categories, categoryOf(event.stream)) &&
    among(query.ids, event.id) &&
    among(query.correlationIds, correlationId) &&
    among(query.causationIds, causationId) &&
    (query.recordedFrom === undefined || event.recordedAt >= query.recordedFrom) &&
    (query.recordedUpTo === undefined || event.recordedAt <= query.recordedUpTo) &&
    (query.includeSystem || !isSystemStream(event.stream))
  );
}
