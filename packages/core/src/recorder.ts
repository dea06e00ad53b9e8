import { Context } from './context.js';
import { AppendOutcomeUnknown, InvalidAppend, StoreUnavailable } from './errors.js';
import type { EventMetadata, NewEvent, StampedEvent } from './event.js';
import type { AppendResult, EventStore, ExpectedVersion, Write } from './event-store.js';
import { appendIds, newId } from './ids.js';
import { guarded } from './guarded.js';
import { numberOption } from './number-option.js';
import type { RecordStart } from './observed-work.js';
import type { Observer } from './observer.js';
import type { TraceContext } from './trace-context.js';
import { categoryOf, isSystemStream } from './stream-name.js';
import type { StoreTransaction } from './store-transaction.js';

/** New events for one stream. */
export interface NewWrite {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  readonly events: readonly NewEvent[];
}

export interface RecordOptions {
  /** Repeats an append whose outcome is unknown, or gives a new one an id of your own: a UUID. */
  readonly appendId?: string;
  /** For the framework: allow system streams. */
  readonly system?: boolean;
  /** For the framework: record in a transaction, with whose end this settles. Nothing is sent twice. */
  readonly into?: Pick<StoreTransaction, 'append'>;
}

/** What the store said, and the ids of the events in the order they were given. */
export interface RecordResult extends AppendResult {
  readonly ids: readonly string[];
}

export interface RecorderOptions {
  /** The application's name, kept as `source`. */
  readonly source: string;
  /** How long to repeat an append while the store cannot be reached. Default 30,000. */
  readonly appendTimeoutMs?: number;
  readonly observer?: Observer;
}

/**
 * The one door through which events are recorded. It gives each event its id and its metadata — from the ambient
 * {@link Context} — and sees an append through a lost connection by sending the same append again.
 */
export class Recorder {
  private readonly source: string;
  private readonly appendTimeoutMs: number;
  private readonly observer: Observer;

  constructor(
    private readonly store: Pick<EventStore, 'append'>,
    { source, appendTimeoutMs = 30_000, observer }: RecorderOptions,
  ) {
    this.source = source;
    this.appendTimeoutMs = numberOption('appendTimeoutMs', appendTimeoutMs, 0, Infinity);
    this.observer = guarded(observer);
  }

  /**
   * Records all writes or none.
   *
   * @throws VersionConflict, EventIdReused, InvalidAppend — nothing was recorded
   * @throws AppendOutcomeUnknown — repeat with its `appendId`
   */
  async record(
    writes: readonly NewWrite[],
    { appendId, system = false, into }: RecordOptions = {},
  ): Promise<RecordResult> {
    if (!system) refuseSystemStreams(writes);
    const stream = writes[0]?.stream;
    if (checkedId(appendId) !== undefined || stream === undefined)
      return this.recordAs(appendId, writes, into);
    // In a handler or a command the id follows from what is being done, so that doing it twice records it once.
    return Context.current().saving(stream, (derived) => this.recordAs(derived, writes, into));
  }

  private recordAs(
    appendId: string | undefined,
    writes: readonly NewWrite[],
    into: RecordOptions['into'],
  ): Promise<RecordResult> {
    const count = writes.reduce((sum, write) => sum + write.events.length, 0);
    const ids = appendIds(appendId ?? newId(), count);
    const context = Context.current();
    const correlationId = context.fields.correlationId ?? ids[0]!;
    const start = () => describe(writes, { appendId: ids[0]!, source: this.source, correlationId }, context);
    return this.observer.record(start, async (end) => {
      const stamped = this.stamp(writes, ids, context, this.observer.trace());
      const { result, sends } = await (into
        ? into.append(stamped).then((result) => ({ result, sends: 1 }))
        : this.send(ids[0]!, stamped));
      end(() => ({
        position: result.position,
        versions: result.writes.map((write) => write.version),
        repeated: result.repeated,
        sends,
      }));
      return { ...result, ids };
    });
  }

  private stamp(
    writes: readonly NewWrite[],
    ids: readonly string[],
    context: Context,
    trace: TraceContext | undefined,
  ): Write[] {
    const common = this.commonMetadata(context, ids[0]!, trace);
    const text = JSON.stringify(common);
    let next = 0;
    return writes.map(({ stream, expected, events }) => ({
      stream,
      expected,
      events: events.map((event) => stampOne(event, ids[next++]!, metadataOf(event, common, text))),
    }));
  }

  private commonMetadata(context: Context, firstId: string, trace: TraceContext | undefined): EventMetadata {
    const { own, ...known } = context.fields;
    return {
      correlationId: known.correlationId ?? firstId,
      ...known,
      // Both together: a tracestate belongs to its own traceparent.
      ...(trace && { traceparent: trace.traceparent, tracestate: trace.tracestate }),
      source: this.source,
      occurredAt: new Date().toISOString(),
      ...own,
    };
  }

  private async send(
    appendId: string,
    writes: readonly Write[],
  ): Promise<{ result: AppendResult; sends: number }> {
    const began = performance.now();
    for (let sends = 1; ; sends++) {
      try {
        return { result: await this.store.append(writes), sends };
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        const waitedMs = Math.round(performance.now() - began);
        const left = this.appendTimeoutMs - waitedMs;
        if (left <= 0) throw new AppendOutcomeUnknown(appendId, waitedMs, { cause: error });
        await new Promise((resolve) => setTimeout(resolve, Math.min(left, 25 * 2 ** Math.min(sends, 6))));
      }
    }
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function checkedId(appendId: string | undefined): string | undefined {
  if (appendId !== undefined && !UUID.test(appendId)) {
    throw new InvalidAppend(
      'id',
      'appendId',
      'must be a UUID in lower case: the ids of the events are counted up from it.',
    );
  }
  return appendId;
}

function refuseSystemStreams(writes: readonly NewWrite[]): void {
  writes.forEach((write, i) => {
    if (!isSystemStream(write.stream)) return;
    const path = `writes[${i}].stream`;
    throw new InvalidAppend(
      'stream',
      path,
      `"${write.stream}" is a system stream: choose a category that does not begin with "_".`,
    );
  });
}

/** The order of the keys is part of the stored form, version 1 (see the golden files). */
function metadataOf({ metadata }: NewEvent, common: EventMetadata, commonText: string): string {
  return metadata ? JSON.stringify({ ...common, ...withoutUndefined(metadata) }) : commonText;
}

function stampOne({ type, schemaVersion = 1, data }: NewEvent, id: string, metadata: string): StampedEvent {
  return { id, type, schemaVersion, data, metadata };
}

function withoutUndefined(given: Partial<EventMetadata>): Partial<EventMetadata> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function describe(
  writes: readonly NewWrite[],
  { correlationId, ...about }: Pick<RecordStart, 'appendId' | 'source'> & { readonly correlationId: string },
  { fields }: Context,
): RecordStart {
  return {
    ...about,
    writes: writes.map(({ stream, events }) => ({
      stream,
      category: categoryOf(stream),
      types: events.map((event) => event.type),
      events,
      correlationId,
      causationId: fields.causationId,
    })),
  };
}
