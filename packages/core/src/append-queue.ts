import type { CheckedAppend } from './append-check.js';
import { StoreClosed, StoreUnavailable, StoreUnusable } from './errors.js';
import type { AppendResult } from './event-store.js';
import { guarded } from './guarded.js';
import type { Observer } from './observer.js';
import { numberOption } from './number-option.js';
import { newId } from './ids.js';
import { outside } from './outside.js';
import type { TraceContext } from './trace-context.js';

/** What became of one append of a batch. */
export type AppendOutcome = { readonly result: AppendResult } | { readonly error: unknown };

/**
 * Commits a batch in one transaction, as if its appends ran one after another in order, and says what became of each.
 * Throwing means that nothing of the batch was committed, or that nobody knows.
 */
export type CommitBatch = (batch: readonly CheckedAppend[]) => Promise<Committed>;

/** What became of a batch. */
export interface Committed {
  /** One an append, in their order. */
  readonly outcomes: readonly AppendOutcome[];
  /** How long other writers kept the log locked, where the store knows. */
  readonly lockWaitMs?: number;
}

export interface AppendQueueOptions {
  /** Name of the store in messages. */
  readonly store: string;
  /** A batch is closed when it has this many events. Default 1,000. */
  readonly maxBatchEvents?: number;
  /** A batch is closed when it has this many bytes. Default 4 MiB. */
  readonly maxBatchBytes?: number;
  /** More than this waiting is refused with StoreUnavailable: bytes, of which an event takes 2 KiB beside its texts. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
  readonly observer?: Observer;
}

interface Waiting {
  readonly append: CheckedAppend;
  readonly since: number;
  readonly trace: TraceContext | undefined;
  resolve(result: AppendResult): void;
  reject(error: unknown): void;
}

/**
 * Group commit: while one batch is in flight appends queue, and the next batch takes what has gathered.
 * An idle queue sends at once. The next batch is cut one turn of the event loop after the last returned, so that writers
 * whose appends have just been answered get into it; without that turn batches alternate between one append and all the
 * others. One append's failure never fails its neighbours.
 */
export class AppendQueue {
  private readonly options: Required<AppendQueueOptions>;
  private queue: Waiting[] = [];
  private queuedBytes = 0;
  private running: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly commit: CommitBatch,
    {
      maxBatchEvents = 1_000,
      maxBatchBytes = 4 * 2 ** 20,
      maxQueuedBytes = 64 * 2 ** 20,
      observer,
      store,
    }: AppendQueueOptions,
  ) {
    numberOption('maxBatchEvents', maxBatchEvents, 1, Infinity);
    numberOption('maxBatchBytes', maxBatchBytes, 1, Infinity);
    numberOption('maxQueuedBytes', maxQueuedBytes, 1, Infinity);
    this.options = { store, maxBatchEvents, maxBatchBytes, maxQueuedBytes, observer: guarded(observer) };
  }

  append(append: CheckedAppend): Promise<AppendResult> {
    const { store, maxQueuedBytes, observer } = this.options;
    if (this.closed) return Promise.reject(new StoreClosed(store));
    if (this.queuedBytes > 0 && this.queuedBytes + memoryOf(append) > maxQueuedBytes) {
      const reason = `${this.queue.length} appends are waiting already, ${this.queuedBytes} bytes`;
      return Promise.reject(new StoreUnavailable(store, reason));
    }
    return new Promise((resolve, reject) => {
      // Here, because the batch is committed outside every flow.
      const trace = observer.trace();
      this.queue.push({ append, since: performance.now(), trace, resolve, reject });
      this.queuedBytes += memoryOf(append);
      this.running ??= outside(() => this.run());
    });
  }

  /** Refuses new appends and waits until every accepted one has been answered. */
  async close(): Promise<void> {
    this.closed = true;
    await this.running;
  }

  private async run(): Promise<void> {
    await Promise.resolve(); // appends made in the same breath join the first batch
    for (;;) {
      await this.send(this.cut());
      await new Promise((turn) => setImmediate(turn));
      if (this.queue.length === 0) break;
    }
    this.running = undefined;
  }

  private cut(): readonly Waiting[] {
    const { maxBatchEvents, maxBatchBytes } = this.options;
    let events = 0;
    let bytes = 0;
    let count = 0;
    for (const { append } of this.queue) {
      if (count > 0 && (events + append.eventCount > maxBatchEvents || bytes + append.bytes > maxBatchBytes))
        break;
      events += append.eventCount;
      bytes += append.bytes;
      count++;
    }
    const batch = this.queue.splice(0, count);
    for (const { append } of batch) this.queuedBytes -= memoryOf(append);
    return batch;
  }

  private async send(batch: readonly Waiting[]): Promise<void> {
    const began = performance.now();
    const { outcomes, lockWaitMs = 0 } = await this.committed(batch.map((waiting) => waiting.append));
    const durationMs = performance.now() - began;
    batch.forEach((waiting, i) => settle(waiting, outcomes[i]));
    this.options.observer.appendBatch(() => ({
      batchId: newId(),
      store: this.options.store,
      appends: batch.length,
      events: sum(batch, (append) => append.eventCount),
      bytes: sum(batch, (append) => append.bytes),
      failed: outcomes.filter((outcome) => 'error' in outcome).length,
      waitedMs: began - batch[0]!.since,
      durationMs,
      lockWaitMs,
      clockAheadMs: clockAhead(outcomes),
      queued: this.queue.length,
      traces: batch.flatMap(({ trace, since }) => (trace ? [{ ...trace, waitedMs: began - since }] : [])),
    }));
  }

  /** A batch that fails as a whole for what is in it is sent again one by one, to find whose fault it is. */
  private async committed(batch: readonly CheckedAppend[]): Promise<Committed> {
    try {
      return await this.commit(batch);
    } catch (error) {
      const everybodys =
        error instanceof StoreUnavailable || error instanceof StoreUnusable || error instanceof StoreClosed;
      if (batch.length === 1 || everybodys) return { outcomes: batch.map(() => ({ error })) };
    }
    const all: Committed[] = [];
    for (const one of batch) all.push(await this.committed([one]));
    return {
      outcomes: all.flatMap(({ outcomes }) => outcomes),
      lockWaitMs: all.reduce((total, { lockWaitMs = 0 }) => total + lockWaitMs, 0),
    };
  }
}

/** Times never go back: after a clock was, they stand still until it has caught up. */
function clockAhead(outcomes: readonly AppendOutcome[]): number {
  const now = Date.now();
  const ahead = outcomes.map((it) =>
    'error' in it || it.result.repeated ? 0 : it.result.recordedAt.getTime() - now,
  );
  return Math.max(0, ...ahead);
}

/** What an append takes while it waits, about: measured, an event keeps some 2 KiB of objects alive. */
function memoryOf({ bytes, eventCount }: CheckedAppend): number {
  return bytes + eventCount * 2_048;
}

function settle(waiting: Waiting, outcome: AppendOutcome | undefined): void {
  if (outcome === undefined)
    waiting.reject(new Error('The store gave no outcome for this append: this is a defect of the store.'));
  else if ('error' in outcome) waiting.reject(outcome.error);
  else waiting.resolve(outcome.result);
}

function sum(batch: readonly Waiting[], of: (append: CheckedAppend) => number): number {
  return batch.reduce((total, waiting) => total + of(waiting.append), 0);
}
