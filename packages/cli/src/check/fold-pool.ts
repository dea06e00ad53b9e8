import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Json } from '@backstory/events';
import { WorkerFailed } from '../errors.js';
import type { Transpiled } from '../transpile-cache.js';
import type { OpenBuild, BuildPlace } from './build.js';
import type { Answer, Ask, Begin } from './fold-worker.js';
import { foldStreams, stateOrNothing, type FoldItem, type FoldOptions, type Folded } from './folding.js';

/** Folds streams with one build of an application, some at a time. */
export interface FoldPool {
  /** How many calls of `fold` are worth being under way at once. */
  readonly size: number;
  fold(items: readonly FoldItem[], options: FoldOptions): Promise<Folded>;
  /** The state at a version, where it can be told. */
  state(stream: string, version: number): Promise<Json | undefined>;
  close(): Promise<void>;
}

/** In this thread. */
export function poolHere({ source, close }: OpenBuild): FoldPool {
  return {
    size: 1,
    fold: (items, options) => foldStreams(source, items, options),
    state: (stream, version) => stateOrNothing(source, stream, version),
    close,
  };
}

/** In threads of their own, each of which loads the build for itself once it is told to begin. */
export class ThreadPool implements FoldPool {
  readonly size: number;
  private readonly threads: Thread[];
  private turn = 0;

  constructor(place: BuildPlace, workers: number) {
    this.threads = Array.from({ length: workers }, () => new Thread(place));
    // One is folded while the next is on its way.
    this.size = workers * 2;
  }

  begin(transpiled: Transpiled = new Map()): void {
    for (const thread of this.threads) thread.begin({ transpiled });
  }

  fold(items: readonly FoldItem[], options: FoldOptions): Promise<Folded> {
    return this.next().ask<Folded>({ items, options });
  }

  state(stream: string, version: number): Promise<Json | undefined> {
    return this.next().ask<Json | undefined>({ stream, version });
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map((it) => it.close()));
  }

  private next(): Thread {
    return this.threads[this.turn++ % this.threads.length]!;
  }
}

type Question<T = Ask> = T extends Ask ? Omit<T, 'id'> : never;

class Thread {
  private readonly worker: Worker;
  private readonly waiting = new Map<
    number,
    { done: (value: never) => void; failed: (error: Error) => void }
  >();
  private readonly ended: Promise<void>;
  private last = 0;

  constructor(place: BuildPlace) {
    // Always what was built: a thread has no other loader.
    const file = path.resolve(__dirname, '..', '..', 'dist', 'check', 'fold-worker.js');
    this.worker = new Worker(file, { workerData: place, stdout: true, stderr: false });
    this.worker.on('message', (answer: Answer) => this.take(answer));
    this.worker.on('error', (cause) => this.fail(cause));
    this.ended = new Promise((ended) =>
      this.worker.once('exit', () => ended(this.fail(new Error('the worker has ended')))),
    );
  }

  begin(how: Begin): void {
    this.worker.postMessage(how);
  }

  ask<T>(question: Question): Promise<T> {
    const id = ++this.last;
    return new Promise<T>((done, failed) => {
      this.waiting.set(id, { done, failed });
      this.worker.postMessage({ id, ...question });
    });
  }

  async close(): Promise<void> {
    this.waiting.clear();
    this.worker.postMessage('close');
    const tooLong = setTimeout(() => void this.worker.terminate(), CLOSE_MS);
    await this.ended;
    clearTimeout(tooLong);
  }

  private take(answer: Answer): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if ('error' in answer) waiting?.failed(new WorkerFailed(answer.error));
    else waiting?.done(answer.value as never);
  }

  private fail(cause: Error): void {
    for (const { failed } of this.waiting.values())
      failed(
        new WorkerFailed({
          code: 'BACKSTORY_WORKER_ENDED',
          message: `A worker that folds has ended: ${cause.message}`,
          facts: {},
        }),
      );
    this.waiting.clear();
  }
}

const CLOSE_MS = 5_000;
