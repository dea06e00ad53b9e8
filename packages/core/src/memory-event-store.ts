import { checkAppend, type CheckedAppend, type CheckedWrite } from './append-check.js';
import { EventIdReused, LogNotEmpty, StoreClosed, VersionConflict } from './errors.js';
import type { StoredEvent } from './event.js';
import type {
  AppendResult,
  EventStore,
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
import { newId } from './ids.js';
import { checkRestorePage } from './restore-check.js';
import { resolveQuery, resolveSlice, resolveStreamsQuery, type ResolvedQuery } from './read-bounds.js';
import { categoryOf, isSystemStream } from './stream-name.js';
import { WakeList } from './wake-list.js';

/** An event and what is looked up by it. */
interface Entry {
  readonly event: StoredEvent;
  readonly correlationId: string;
  readonly causationId: string | undefined;
  /** `undefined` for a restored event: which append recorded it is not known. */
  readonly append: RecordedAppend | undefined;
}

interface RecordedAppend {
  readonly result: AppendResult;
  /** The ids of its events with their streams, to recognise a repetition. */
  readonly identity: string;
}

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
  private readonly log: Entry[] = [];
  private readonly streams = new Map<string, Entry[]>();
  private readonly byId = new Map<string, Entry>();
  private readonly wakes = new WakeList();
  private readonly logId = newId();
  private epoch = { number: 1, start: 0 };
  private closed = false;

  constructor({ now = Date.now, maxEventBytes }: MemoryEventStoreOptions = {}) {
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
    if (repeated) return { ...repeated, repeated: true };
    for (const write of append.writes) this.checkVersion(write);
    const result = this.write(append);
    this.wakes.notify();
    return result;
  }

  /** Identity comes before the version: what was recorded once is answered as it was then. */
  private findRepeated(append: CheckedAppend): AppendResult | undefined {
    const ids = append.writes.flatMap(({ stream, events }) =>
      events.map(({ id }) => ({ stream, id, entry: this.byId.get(id) })),
    );
    const known = ids.find(({ entry }) => entry !== undefined);
    if (!known) return undefined;
    const first = ids[0]!.entry;
    if (first?.append && first.append.identity === identityOf(append)) return first.append.result;
    const restored = ids.every(({ entry, stream }, i) => {
      const follows = entry?.event.position === (first?.event.position ?? 0) + i;
      return entry !== undefined && entry.append === undefined && entry.event.stream === stream && follows;
    });
    if (!restored) throw new EventIdReused(known.id, known.stream);
    return this.resultOf(append);
  }

  /** The first result of an append whose events came here by `restore`. */
  private resultOf({ appendId, writes }: CheckedAppend): AppendResult {
    const last = writes.map(({ events }) => this.byId.get(events.at(-1)!.id)!.event);
    const heads = last.map(({ stream, version, position }) => ({ stream, version, position }));
    return {
      appendId,
      position: heads.at(-1)!.position,
      recordedAt: last[0]!.recordedAt,
      repeated: true,
      writes: heads,
    };
  }

  private checkVersion({ stream, expected }: CheckedWrite): void {
    const actual = this.streams.get(stream)?.length ?? 0;
    const holds = expected === 'any' || (expected === 'exists' ? actual > 0 : expected === actual);
    if (!holds) throw new VersionConflict(stream, expected, actual);
  }

  private write(append: CheckedAppend): AppendResult {
    const head = this.log.at(-1)?.event;
    const recordedAt = new Date(Math.max(head?.recordedAt.getTime() ?? 0, Math.floor(this.now())));
    let position = head?.position ?? 0;
    const writes = append.writes.map(({ stream, events }) => {
      const version = (this.streams.get(stream)?.length ?? 0) + events.length;
      return { stream, version, position: (position += events.length) };
    });
    const result: AppendResult = { appendId: append.appendId, position, recordedAt, repeated: false, writes };
    const recorded: RecordedAppend = { result, identity: identityOf(append) };
    position = head?.position ?? 0;
    for (const { stream, events } of append.writes) {
      for (const { correlationId, causationId, ...stamped } of events) {
        const version = (this.streams.get(stream)?.length ?? 0) + 1;
        const event: StoredEvent = { ...stamped, stream, version, position: ++position, recordedAt };
        this.add({ event, correlationId, causationId, append: recorded });
      }
    }
    return result;
  }

  private add(entry: Entry): void {
    const { stream, id } = entry.event;
    this.log.push(entry);
    this.byId.set(id, entry);
    const entries = this.streams.get(stream);
    if (entries) entries.push(entry);
    else this.streams.set(stream, [entry]);
  }

  async *readStream(stream: string, slice?: StreamSlice): AsyncGenerator<LogPage> {
    const { upToPosition, recordedUpTo, ...bounds } = resolveSlice(stream, slice);
    const matches = ({ event }: Entry) =>
      event.position <= upToPosition && (recordedUpTo === undefined || event.recordedAt <= recordedUpTo);
    const entries = () => this.streams.get(stream) ?? [];
    const place = ({ event }: Entry) => event.version;
    yield* this.pages({ ...bounds, entries, matches, place, through: (last) => last });
  }

  async *readAll(query?: LogQuery): AsyncGenerator<LogPage> {
    const resolved = resolveQuery(query);
    const through = () => Math.max(resolved.after, Math.min(resolved.upTo, this.head()));
    const place = ({ event }: Entry) => event.position;
    yield* this.pages({
      ...resolved,
      entries: () => this.log,
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
    const heads = [...this.streams.entries()]
      .filter(
        ([stream]) =>
          (includeSystem || !isSystemStream(stream)) &&
          Buffer.compare(Buffer.from(stream), Buffer.from(after)) > 0,
      )
      .filter(([stream]) => categories === undefined || categories.includes(categoryOf(stream)))
      .map(([, entries]) => entries.at(-1)!.event)
      .map(({ stream, version, position, recordedAt }): StreamHead => ({
        stream,
        version,
        position,
        recordedAt,
      }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.stream), Buffer.from(b.stream)))
      .slice(0, limit);
    for (let i = 0; i === 0 || i < heads.length; i += pageSize) yield heads.slice(i, i + pageSize);
  }

  onAppend(wake: () => void): Unsubscribe {
    this.checkOpen();
    return this.wakes.add(wake);
  }

  async identity(): Promise<LogIdentity> {
    this.checkOpen();
    return { logId: this.logId, epoch: this.epoch.number, epochStart: this.epoch.start, head: this.head() };
  }

  async restore(pages: AsyncIterable<LogPage> | Iterable<LogPage>): Promise<LogIdentity> {
    this.checkOpen();
    if (this.log.length > 0) throw new LogNotEmpty(this.head());
    const check = checkRestorePage(this.maxEventBytes);
    const restored: Entry[] = [];
    for await (const page of pages) {
      for (const { event, correlationId, causationId } of check(page)) {
        restored.push({ event, correlationId, causationId, append: undefined });
      }
    }
    if (this.log.length > 0) throw new LogNotEmpty(this.head());
    for (const entry of restored) this.add(entry);
    this.wakes.notify();
    return this.identity();
  }

  async adopt(): Promise<LogIdentity> {
    this.checkOpen();
    this.epoch = { number: this.epoch.number + 1, start: this.head() };
    return this.identity();
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  private head(): number {
    return this.log.at(-1)?.event.position ?? 0;
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

function identityOf({ writes }: CheckedAppend): string {
  return JSON.stringify(writes.map(({ stream, events }) => [stream, events.map(({ id }) => id)]));
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
  const among = (names: readonly string[] | undefined, name: string) =>
    names === undefined || names.includes(name);
  return (
    among(query.types, event.type) &&
    among(query.streams, event.stream) &&
    among(query.categories, categoryOf(event.stream)) &&
    among(query.ids, event.id) &&
    (query.correlationId === undefined || query.correlationId === correlationId) &&
    (query.causationId === undefined || query.causationId === causationId) &&
    (query.recordedFrom === undefined || event.recordedAt >= query.recordedFrom) &&
    (query.recordedUpTo === undefined || event.recordedAt <= query.recordedUpTo) &&
    (query.includeSystem || !isSystemStream(event.stream))
  );
}
