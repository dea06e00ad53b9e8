import { modelOf, recordOf, type AggregateModel, type EventSourcedAggregate } from '@backstory/aggregate';
import {
  InvalidQuery,
  categoryOf,
  idOf,
  type EventStore,
  type StoredEvent,
  type StreamSlice,
} from '@backstory/core';
import type { FoldableEvent } from '@backstory/core/administration';
import { UnstorableValue, type Class, type Json } from '@backstory/events';
import { VersionOutOfRange } from '@backstory/repository';
import { NoAggregate, StreamNotFound, UnreadableState } from './errors.js';
import { LiveState } from './live-state.js';
import { nearStreams } from './near.js';

/** A log and the aggregates that fold its streams. */
export interface ReplaySource {
  readonly events: EventStore;
  readonly aggregates: readonly Class<EventSourcedAggregate>[];
}

/** One stream being folded from its beginning, by the same model that repositories use. Nothing is written. */
export class StreamFold<E extends FoldableEvent = StoredEvent> {
  /** The last event folded. */
  last: E | undefined;
  private readonly aggregate: object;
  private live: LiveState | undefined;

  private constructor(
    private readonly store: EventStore,
    readonly model: AggregateModel<object>,
    readonly stream: string,
    /** The version of the stream when the fold began. */
    readonly head: number,
  ) {
    this.aggregate = model.create(idOf(stream), ONLY_FOLDED);
  }

  /** @throws StreamNotFound, NoAggregate */
  static async of({ events, aggregates }: ReplaySource, stream: string): Promise<StreamFold> {
    const head = await headOf(events, stream);
    return new StreamFold(events, modelFor(aggregates, stream), stream, head);
  }

  /** A stream of which it is known how far it is to be folded. @throws NoAggregate */
  static upTo<E extends FoldableEvent>(
    { events, aggregates }: ReplaySource,
    stream: string,
    version: number,
  ): StreamFold<E> {
    return new StreamFold<E>(events, modelFor(aggregates, stream), stream, version);
  }

  get version(): number {
    return this.last?.version ?? 0;
  }

  /** @throws VersionOutOfRange */
  checkVersion(version: number): void {
    if (!(Number.isSafeInteger(version) && version >= 0 && version <= this.head))
      throw new VersionOutOfRange(this.stream, version, this.head);
  }

  /** The last version recorded no later than an instant; 0 when nothing had happened yet. @throws InvalidQuery */
  async versionAt(at: Date): Promise<number> {
    return versionAt(this.store, this.stream, { at, upTo: this.head });
  }

  /** The events after the last one folded, in pages, not folded yet. */
  async *pages(
    slice: Pick<StreamSlice, 'upTo' | 'recordedUpTo' | 'upToPosition'>,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly StoredEvent[], void> {
    const bounds = { after: this.version, upTo: this.head, ...slice };
    for await (const page of this.store.readStream(this.stream, bounds)) {
      signal?.throwIfAborted();
      yield page.events;
    }
  }

  /** @throws UnknownEventType, UpcastFailed, UnreadableEvent, FoldFailed */
  fold(events: readonly E[]): void {
    this.model.fold(this.aggregate, events);
    this.last = events.at(-1) ?? this.last;
  }

  /** `Account.deposited`: what folds an event of this type. */
  handlerOf(type: string): string {
    const method = recordOf(this.aggregate).plan.steps.get(type)?.method;
    return method === undefined ? this.model.name : `${this.model.name}.${String(method)}`;
  }

  /** The state as values, after the last event folded. */
  get value(): unknown {
    return this.model.value(this.aggregate);
  }

  /** The state after the last event folded. What did not change is shared with what was given before. @throws UnreadableState */
  state(): Json {
    const live = (this.live ??= LiveState.of(this.model));
    return this.readable(() => live.read(this.value));
  }

  /** What `read` gives, where the state can be read. @throws UnreadableState */
  readable<T>(read: () => T): T {
    return readable({ stream: this.stream, version: this.version, type: this.last?.type }, read);
  }
}

/** What `read` gives, where the state at this place can be read. @throws UnreadableState */
export function readable<T>(
  {
    stream,
    version,
    type,
  }: { readonly stream: string; readonly version: number; readonly type: string | undefined },
  read: () => T,
): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof UnstorableValue)) throw cause;
    throw new UnreadableState(stream, version, type, cause);
  }
}

/** Of aggregates that nobody will raise on. */
export const ONLY_FOLDED = { isOnlyFolded: true };

/** The version a stream is at. @throws StreamNotFound */
export async function headOf(store: EventStore, stream: string): Promise<number> {
  for await (const { events } of store.readStream(stream, { backwards: true, limit: 1 })) {
    if (events[0]) return events[0].version;
  }
  throw new StreamNotFound(stream, await nearStreams(store, stream));
}

/** The last version recorded no later than an instant; 0 when nothing had happened yet. @throws InvalidQuery */
export async function versionAt(
  store: EventStore,
  stream: string,
  { at, upTo }: { readonly at: Date; readonly upTo: number },
): Promise<number> {
  if (!(at instanceof Date && !Number.isNaN(at.getTime())))
    throw new InvalidQuery('at', 'must be a valid Date.');
  const slice = { recordedUpTo: at, upTo, backwards: true, limit: 1 };
  for await (const { events } of store.readStream(stream, slice)) if (events[0]) return events[0].version;
  return 0;
}

/** The model that folds a stream. @throws NoAggregate */
export function modelFor(aggregates: ReplaySource['aggregates'], stream: string): AggregateModel<object> {
  const category = categoryOf(stream);
  const models = aggregates.map((cls) => modelOf(cls));
  const model = models.find((it) => it.category === category);
  if (model) return model;
  throw new NoAggregate(
    stream,
    category,
    models.map((it) => it.category),
  );
}
