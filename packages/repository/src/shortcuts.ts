import { type AggregateModel, type SnapshotPolicy } from '@backstory/aggregate';
import type { EventStore, StateStore } from '@backstory/core';
import type { Observer, SnapshotEnd, SnapshotStart } from '@backstory/core/observe';
import { Afterwork } from './afterwork.js';
import { fromSnapshot, type Beginning, type Loaded, type LoadRequest } from './load.js';
import { UnreadableValue } from '@backstory/events';
import { readSnapshot, type Snapshot } from './snapshot.js';
import type { StateCache } from './state-cache.js';
import { StoredSnapshots } from './stored-snapshots.js';
import { takeSnapshot } from './take-snapshot.js';

/** Where states are kept, and what they are checked against. */
export interface ShortcutParts {
  readonly store: EventStore;
  readonly observer: Observer;
  readonly state: StateStore | undefined;
  /** Nothing is written to the state store. */
  readonly readOnly: boolean;
  readonly cache: StateCache | undefined;
}

/** A kept state to begin with in place of the first event. */
export interface Shortcut<A> extends Beginning<A> {
  readonly stream: string;
  readonly from: 'snapshot' | 'cache';
  readonly version: number;
  /** The version of the newest snapshot in the state store, as far as it is known. */
  readonly stored: number;
}

/**
 * The states of aggregates of one kind that are kept in the cache and in the state store. Neither decides anything: where
 * one is missing, broken or not of this log, or the state store cannot be reached, there is no shortcut.
 */
export class Shortcuts<A extends object> {
  private readonly policy: Required<SnapshotPolicy> | undefined;
  private readonly snapshots: StoredSnapshots | undefined;
  private readonly afterwork = new Afterwork();

  constructor(
    private readonly model: AggregateModel<A>,
    private readonly parts: ShortcutParts,
  ) {
    const { state, store } = parts;
    if (!state || !model.snapshots) return;
    this.policy = model.snapshots;
    this.snapshots = new StoredSnapshots(state, store, model.shape);
  }

  /** The latest state that is kept of the moment asked for or before. */
  async find(request: LoadRequest): Promise<Shortcut<A> | undefined> {
    return (await this.findCached(request)) ?? (await this.findStored(request));
  }

  /** Keeps the state of an instance that nobody but the fold has touched, if that took long enough. */
  keep(request: LoadRequest, { aggregate, last }: Loaded<A>, shortcut: Shortcut<A> | undefined): void {
    if (!last || !isNow(request)) return;
    const { cache, readOnly } = this.parts;
    const { stream, version } = last;
    const { version: from = 0, stored = 0 } = shortcut ?? {};
    const isDue = this.policy !== undefined && !readOnly && version - stored >= this.policy.every;
    if (!isDue && !(cache && version - from >= WORTH_CACHING)) return;
    const taken = takeSnapshot(this.model, aggregate, last);
    if ('refused' in taken) return this.tell(stream, 'save', { result: 'refused', reason: taken.refused });
    cache?.set(stream, { text: taken.text, stored: isDue ? version : stored });
    if (isDue) this.save(stream, version, taken.text);
  }

  /** Drops what is kept of a stream. */
  forget(stream: string, reason: string): void {
    this.parts.cache?.delete(stream);
    this.remove(stream, { result: 'refused', reason }, () => this.snapshots!.discardAll(stream));
  }

  /** Waits for what is being written, and begins nothing more. */
  close(): Promise<void> {
    return this.afterwork.close();
  }

  private async findCached(request: LoadRequest): Promise<Shortcut<A> | undefined> {
    const { cache } = this.parts;
    const { stream, atVersion = Infinity, at } = request;
    const cached = cache?.get(stream);
    if (!cached) return undefined;
    const snapshot = readSnapshot(cached.text);
    const { version, recordedAt } = snapshot.last;
    if (version > atVersion || (at && new Date(recordedAt) > at)) return undefined;
    const begun = await this.begin(snapshot, request);
    if (begun === undefined || 'events' in begun)
      return begun && { ...begun, stream, from: 'cache', version, stored: cached.stored };
    cache!.delete(stream);
    this.tell(stream, 'invalidate', { result: 'stale', reason: begun.stale });
    return undefined;
  }

  private async findStored(request: LoadRequest): Promise<Shortcut<A> | undefined> {
    if (!this.snapshots) return undefined;
    try {
      for (let upTo = request.atVersion ?? Number.MAX_SAFE_INTEGER; upTo > 0;) {
        const tried = await this.tryStored(request, upTo);
        if (typeof tried !== 'number') return tried;
        upTo = tried - 1;
      }
    } catch {
      // The state store cannot be read, which the observer was told. The events are enough.
    }
    return undefined;
  }

  /** A shortcut; the version of a snapshot that is of no use; `undefined` where there is none. */
  private tryStored(request: LoadRequest, upTo: number): Promise<Shortcut<A> | number | undefined> {
    const { stream, at } = request;
    return this.observe(stream, 'load', async (end): Promise<Shortcut<A> | number | undefined> => {
      const found = await this.snapshots!.newest(stream, { upTo, at });
      if (!found) return end({ result: 'miss' });
      const { version, text, snapshot } = found;
      const begun = snapshot ? await this.begin(snapshot, request) : UNREADABLE;
      if (begun === undefined || 'events' in begun) {
        if (isNow(request)) this.parts.cache?.set(stream, { text, stored: version });
        end({ result: begun ? 'hit' : 'miss', bytes: Buffer.byteLength(text) });
        return begun && { ...begun, stream, from: 'snapshot', version, stored: version };
      }
      end({ result: 'stale', reason: begun.stale, bytes: Buffer.byteLength(text) });
      this.remove(stream, { result: 'stale', reason: begun.stale }, () => this.snapshots!.discard(found));
      return version;
    });
  }

  /** Where to go on after a snapshot, or why not; `undefined` where the events before it have to be looked at, too. */
  private async begin(
    snapshot: Snapshot,
    request: LoadRequest,
  ): Promise<Beginning<A> | { readonly stale: string } | undefined> {
    if (snapshot.shape !== this.model.shape || snapshot.stream !== request.stream) return FOREIGN;
    if (await this.isRecorded(request)) return undefined;
    try {
      return (await fromSnapshot(this.model, this.parts.store, request, snapshot)) ?? NOT_IN_LOG;
    } catch (error) {
      if (error instanceof UnreadableValue) return { stale: error.message };
      throw error;
    }
  }

  /** Whether the append that is looked out for is in the stream, perhaps among the events that would be passed over. */
  private async isRecorded({ stream, appendId }: LoadRequest): Promise<boolean> {
    const { store } = this.parts;
    if (appendId === undefined) return false;
    if (store.capabilities.unindexed.includes('ids')) return true;
    for await (const { events } of store.readAll({ ids: [appendId], limit: 1 })) {
      if (events.some((event) => event.stream === stream)) return true;
    }
    return false;
  }

  private save(stream: string, version: number, text: string): void {
    const work = () =>
      this.observe(stream, 'save', async (end) => {
        await this.snapshots!.write(stream, version, text, this.policy!.keep);
        end({ result: 'written', bytes: Buffer.byteLength(text) });
      });
    // Text takes one or two bytes a character.
    if (!this.afterwork.add(work, 2 * text.length))
      this.tell(stream, 'save', { result: 'refused', reason: 'too many are waiting to be written' });
  }

  private remove(stream: string, why: Told, removal: () => Promise<void>): void {
    const canRemove = this.snapshots !== undefined && !this.parts.readOnly;
    const work = (end: (facts: Told) => void) => (end(why), removal());
    if (!canRemove || !this.afterwork.add(() => this.observe(stream, 'invalidate', work)))
      this.tell(stream, 'invalidate', why);
  }

  private tell(stream: string, operation: SnapshotStart['operation'], facts: Told): void {
    this.afterwork.add(() => this.observe(stream, operation, async (end) => end(facts)));
  }

  private observe<T>(
    stream: string,
    operation: SnapshotStart['operation'],
    work: (end: (facts: Told) => undefined) => Promise<T>,
  ): Promise<T> {
    const start = () => ({ aggregate: this.model.name, stream, operation });
    return this.parts.observer.snapshot(start, (end) =>
      work((facts) => void end(() => ({ bytes: 0, ...facts }))),
    );
  }
}

function isNow({ at, atVersion }: LoadRequest): boolean {
  return at === undefined && atVersion === undefined;
}

/** What is told of a snapshot; without bytes where none was read or written. */
type Told = Omit<SnapshotEnd, 'bytes'> & Partial<Pick<SnapshotEnd, 'bytes'>>;

const UNREADABLE = { stale: 'it cannot be read' };
const FOREIGN = { stale: 'it was kept for something else' };
const NOT_IN_LOG = { stale: 'the log does not have the event that it was taken after' };

/** A cached state saves folding, and costs reading and writing it as JSON: with fewer events that is no gain. */
const WORTH_CACHING = 16;
