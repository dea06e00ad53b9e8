import type {
  AppendResult,
  EventStore,
  LogIdentity,
  LogPage,
  LogQuery,
  StoreTransaction,
  StreamHead,
  StreamSlice,
  Write,
} from '@backstory/core';
import {
  StreamCount,
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
  type CheckedAppend,
  type Committed,
  type StoreCapabilities,
  type StreamsQuery,
  type Unsubscribe,
} from '@backstory/core/store';
import { BatchCommitter } from './batch-committer.js';
import { ClientTransaction } from './client-transaction.js';
import type { Database } from './database.js';
import { adoptLog, readIdentity } from './log-identity.js';
import { examine } from './examine.js';
import { bytesOf, streamsBeginning } from './extent.js';
import { LockWatch, type LockWatchOptions } from './lock-watch.js';
import { logPages } from './log-pages.js';
import { restoreLog } from './restore-log.js';
import type { Run } from './session.js';
import { readAhead } from './read-ahead.js';
import { streamHeads } from './stream-heads.js';
import { streamPages } from './stream-pages.js';
import { DURABLY, inTransaction } from './transaction.js';
import { textPages } from './text-pages.js';
import { Wakes, type WakesOptions } from './wakes.js';
import { Writer } from './writer.js';

export interface PostgresEventStoreOptions extends WakesOptions, LockWatchOptions {
  readonly maxEventBytes: number;
  readonly maxBatchEvents: number;
  readonly maxBatchBytes: number;
  readonly maxQueuedBytes: number;
}

/** The log in PostgreSQL. Appends go through one queue and one connection and are committed together; reads use others. */
export class PostgresEventStore implements EventStore {
  readonly capabilities: StoreCapabilities = {
    durable: true,
    multiStreamAppends: true,
    densePositions: true,
    unindexed: [],
  };
  private readonly queue: AppendQueue;
  private readonly writer: Writer;
  private readonly committer: BatchCommitter;
  private readonly lockWatch: LockWatch;
  private readonly wakes: Wakes;
  private readonly streams: StreamCount;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly options: PostgresEventStoreOptions,
  ) {
    this.queue = new AppendQueue((batch) => this.commit(batch), { ...options, store: database.store });
    this.writer = new Writer(database);
    this.committer = new BatchCommitter(database.schema);
    this.lockWatch = new LockWatch(database, options);
    this.wakes = new Wakes(database, options);
    this.streams = new StreamCount((after, upTo) =>
      database.session((run) => streamsBeginning(run, database.schema, { after, upTo })),
    );
  }

  async append(writes: readonly Write[]): Promise<AppendResult> {
    this.checkOpen();
    this.database.checkWritable('append');
    return this.queue.append(checkAppend(writes, this.options));
  }

  private async commit(batch: readonly CheckedAppend[]): Promise<Committed> {
    const committed = await this.lockWatch.during(
      this.committer.commit((statement) => this.writer.run(statement), batch),
    );
    const { outcomes } = committed;
    const head = Math.max(...outcomes.map((outcome) => ('result' in outcome ? outcome.result.position : 0)));
    if (head > 0) this.wakes.appended(head);
    return committed;
  }

  readStream(stream: string, slice?: StreamSlice): AsyncGenerator<LogPage> {
    return this.whileOpen(() => readAhead(streamPages(this.database, stream, resolveSlice(stream, slice))));
  }

  readAll(query?: LogQuery): AsyncGenerator<LogPage> {
    return this.whileOpen(() => readAhead(logPages(this.database, resolveQuery(query))));
  }

  listStreams(query?: StreamsQuery): AsyncGenerator<readonly StreamHead[]> {
    return this.whileOpen(() => readAhead(streamHeads(this.database, resolveStreamsQuery(query))));
  }

  /** Joins a transaction of somebody's own client. @throws StoreUnusable */
  async within(client: object, id: string): Promise<StoreTransaction | undefined> {
    this.database.checkWritable('within');
    const { store, schema, prepare, responseTimeoutMs } = this.database;
    const { logId } = await this.identity();
    return ClientTransaction.join(client, {
      ...this.options,
      store,
      schema,
      prepare,
      logId,
      id,
      lockTimeoutMs: responseTimeoutMs,
      watched: (append) => this.lockWatch.during(append),
      isClosed: () => this.closing !== undefined,
      appended: (head) => this.wakes.appended(head),
    });
  }

  onAppend(wake: () => void): Unsubscribe {
    this.checkOpen();
    return this.wakes.add(wake);
  }

  async identity(): Promise<LogIdentity> {
    this.checkOpen();
    return this.database.session((run) => readIdentity(run, this.database.schema));
  }

  examine(): AsyncGenerator<readonly (string | StrayColumn)[]> {
    return this.whileOpen(() => examine(this.database));
  }

  async extent(): Promise<LogExtent> {
    const { head } = await this.identity();
    const bytes = await this.database.session((run) => bytesOf(run, this.database.schema));
    return { bytes, streams: await this.streams.upTo(head) };
  }

  readTexts(part: TextsPart): AsyncGenerator<TextsPage> {
    return this.whileOpen(() => readAhead(textPages(this.database, part)));
  }

  async restore(pages: AsyncIterable<LogPage> | Iterable<LogPage>): Promise<LogIdentity> {
    const { schema } = this.database;
    const { maxEventBytes } = this.options;
    const identity = await this.inOwnTransaction('restore', (run) =>
      restoreLog(run, pages, { schema, maxEventBytes }),
    );
    this.wakes.appended(identity.head);
    return identity;
  }

  async adopt(): Promise<LogIdentity> {
    return this.inOwnTransaction('adopt', (run) => adoptLog(run, this.database.schema));
  }

  async close(): Promise<void> {
    this.database.refuseInside('close');
    return (this.closing ??= this.finish());
  }

  private async finish(): Promise<void> {
    await this.queue.close();
    await this.wakes.close();
    await this.writer.close();
    await this.database.release();
  }

  /** Administrative work in a transaction of its own. */
  private async inOwnTransaction<T>(operation: string, work: (run: Run) => Promise<T>): Promise<T> {
    this.checkOpen();
    this.database.checkWritable(operation);
    return this.database.session((run) =>
      inTransaction(run, { begin: 'begin isolation level read committed', end: DURABLY }, () => work(run)),
    );
  }

  /** No page is given by a store that was closed meanwhile. */
  private async *whileOpen<Page>(read: () => AsyncGenerator<Page>): AsyncGenerator<Page> {
    this.checkOpen();
    for await (const page of read()) {
      this.checkOpen();
      yield page;
      this.checkOpen();
    }
  }

  private checkOpen(): void {
    if (this.closing) throw new StoreClosed(this.database.store);
  }
}
