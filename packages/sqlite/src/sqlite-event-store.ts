import {
  EventIdReused,
  type AppendResult,
  type EventStore,
  type LogIdentity,
  type LogPage,
  type LogQuery,
  type StreamHead,
  type StreamSlice,
  type Write,
} from '@backstory/core';
import type { Observer } from '@backstory/core/observe';
import {
  StreamCount,
  type FoldableEvent,
  type LogExtent,
  type StrayColumn,
  type TextsPage,
  type TextsPart,
} from '@backstory/core/administration';
import {
  AppendQueue,
  StoreClosed,
  checkAppend,
  resolveQuery,
  resolveSlice,
  resolveStreamsQuery,
  type AppendOutcome,
  type CheckedAppend,
  type Committed,
  type StoreCapabilities,
  type StreamsQuery,
  type Unsubscribe,
} from '@backstory/core/store';
import { appendBatch, type CommittedBatch } from './append-batch.js';
import { examine } from './examine.js';
import { isConstraint } from './failures.js';
import { adoptLog, readIdentity } from './log-identity.js';
import { logPages } from './log-pages.js';
import { LogTail } from './log-tail.js';
import { restoreLog } from './restore-log.js';
import type { SqliteFile } from './sqlite-file.js';
import { shortStreams } from './short-streams.js';
import { streamHeads } from './stream-heads.js';
import { streamPages } from './stream-pages.js';
import { textPages } from './text-pages.js';
import { WakePoll } from './wake-poll.js';

export interface SqliteEventStoreOptions {
  readonly maxEventBytes: number;
  readonly maxBatchEvents: number;
  readonly maxBatchBytes: number;
  readonly maxQueuedBytes: number;
  readonly pollMs: number;
  readonly now: () => number;
  readonly observer: Observer;
}

/** The log of a SQLite file. Appends go through one queue and are committed together; reads never wait for them. */
export class SqliteEventStore implements EventStore {
  readonly capabilities: StoreCapabilities = {
    durable: true,
    multiStreamAppends: true,
    densePositions: true,
    unindexed: [],
  };
  private readonly queue: AppendQueue;
  private readonly wakes: WakePoll;
  private readonly tail = new LogTail();
  private readonly streams: StreamCount;
  private lookFirst = false;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly file: SqliteFile,
    private readonly options: SqliteEventStoreOptions,
  ) {
    this.queue = new AppendQueue((batch) => this.commit(batch), { ...options, store: file.store });
    this.wakes = new WakePoll(file, options.pollMs);
    this.streams = new StreamCount((after, upTo) =>
      file.read((session) => session.first<[number]>(BEGINNING, after, upTo)![0]),
    );
  }

  async append(writes: readonly Write[]): Promise<AppendResult> {
    this.checkOpen();
    this.file.refuseInside('append');
    return this.queue.append(checkAppend(writes, this.options));
  }

  private async commit(appends: readonly CheckedAppend[]): Promise<Committed> {
    const { outcomes, head, versions, wrote, lockWaitMs } = await this.write(appends);
    this.tail.committed(head, versions);
    // What comes again seldom comes alone: after a crash, a consumer repeats all that it had done since.
    this.lookFirst = outcomes.some(isRepetition);
    if (wrote) this.wakes.appended(head);
    return { outcomes, lockWaitMs };
  }

  private async write(appends: readonly CheckedAppend[]): Promise<CommittedBatch & Required<Committed>> {
    const write = (lookFirst: boolean) =>
      this.file.write(async (session, lockWaitMs) => ({
        ...(await appendBatch(session, appends, { now: this.options.now(), tail: this.tail, lookFirst })),
        lockWaitMs,
      }));
    if (this.lookFirst) return write(true);
    try {
      return await write(false);
    } catch (error) {
      if (!isConstraint(error)) throw error;
      this.tail.forget();
      return write(true);
    }
  }

  readStream(stream: string, slice?: StreamSlice): AsyncGenerator<LogPage> {
    return this.whileOpen(() => streamPages(this.file, stream, resolveSlice(stream, slice)));
  }

  readAll(query?: LogQuery): AsyncGenerator<LogPage> {
    return this.whileOpen(() => logPages(this.file, resolveQuery(query)));
  }

  listStreams(query?: StreamsQuery): AsyncGenerator<readonly StreamHead[]> {
    return this.whileOpen(() => streamHeads(this.file, resolveStreamsQuery(query)));
  }

  onAppend(wake: () => void): Unsubscribe {
    this.checkOpen();
    return this.wakes.add(wake);
  }

  async identity(): Promise<LogIdentity> {
    this.checkOpen();
    this.file.checkPlace();
    return this.file.read(readIdentity);
  }

  examine(): AsyncGenerator<readonly (string | StrayColumn)[]> {
    return this.whileOpen(() => examine(this.file));
  }

  async extent(): Promise<LogExtent> {
    const { head } = await this.identity();
    const [bytes] = await this.file.read((session) => session.first<[number]>(BYTES)!);
    return { bytes, streams: await this.streams.upTo(head) };
  }

  readTexts(part: TextsPart): AsyncGenerator<TextsPage> {
    return this.whileOpen(() => textPages(this.file, part));
  }

  async readShortStreams(
    streams: readonly Pick<StreamHead, 'stream' | 'version'>[],
  ): Promise<ReadonlyMap<string, readonly FoldableEvent[]>> {
    this.checkOpen();
    return shortStreams(this.file, streams);
  }

  async restore(pages: AsyncIterable<LogPage> | Iterable<LogPage>): Promise<LogIdentity> {
    this.checkOpen();
    this.file.refuseInside('restore');
    const identity = await this.file.write((session) =>
      restoreLog(session, pages, this.options.maxEventBytes),
    );
    this.wakes.appended(identity.head);
    return identity;
  }

  async adopt(): Promise<LogIdentity> {
    this.checkOpen();
    this.file.refuseInside('adopt');
    return this.file.write(adoptLog);
  }

  async close(): Promise<void> {
    this.file.refuseInside('close');
    return (this.closing ??= this.finish());
  }

  private async finish(): Promise<void> {
    await this.queue.close();
    this.wakes.stop();
    await this.file.release();
  }

  /** Each page is read from an open store, whenever it is asked for. */
  private async *whileOpen<Page>(read: () => AsyncGenerator<Page>): AsyncGenerator<Page> {
    this.checkOpen();
    const pages = read();
    for (;;) {
      this.checkOpen();
      const next = await pages.next();
      if (next.done) return;
      yield next.value;
    }
  }

  private checkOpen(): void {
    if (this.closing) throw new StoreClosed(this.file.store);
  }
}

function isRepetition(outcome: AppendOutcome): boolean {
  return 'error' in outcome ? outcome.error instanceof EventIdReused : outcome.result.repeated;
}

const BYTES = 'SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()';
/** By the positions: to go through all of the index of streams would keep the event loop for as long as the log is large. */
const BEGINNING = 'SELECT count(*) FROM events WHERE position > ? AND position <= ? AND +version = 1';
