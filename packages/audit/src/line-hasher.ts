import { hash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { hashTexts, type EventTexts, type HashedTexts } from './line-hash.js';

/** Fewer events are hashed before a thread has begun. */
const WORTH_A_THREAD = 4_096;
/** Where the thread has so many blocks before it, whoever brings another one is quicker to hash it. */
const BUSY = 3;

interface Waiting {
  readonly done: (hashed: HashedTexts) => void;
  readonly failed: (error: Error) => void;
}

/**
 * Hashes events in the order in which they come. Of a long log in a thread beside this one, which goes on reading: hashing
 * takes about as long as reading. Both use the same memory: giving it from one to the other made each collect garbage.
 */
export class LineHasher {
  private events = 0;
  private thread: Worker | undefined;
  /** It takes a while to begin; until then hashing goes on here. */
  private online = false;
  private threadless = false;
  /** Given to the thread, which answers in their order. */
  private waiting: Waiting[] = [];
  private given = 0;
  /** How many of them the thread has done: whoever reads without a pause hears its answers late. */
  private readonly done = new Int32Array(new SharedArrayBuffer(4));

  hash(texts: EventTexts): Promise<HashedTexts> {
    this.events += texts.count;
    if (this.events >= WORTH_A_THREAD) this.thread ??= this.begin();
    const { thread } = this;
    if (!thread || !this.online || this.given - Atomics.load(this.done, 0) >= BUSY)
      return Promise.resolve(hashTexts(texts, hash));
    this.given++;
    return new Promise((done, failed) => {
      this.waiting.push({ done, failed });
      thread.postMessage(texts);
    });
  }

  async close(): Promise<void> {
    this.threadless = true;
    await this.thread?.terminate();
  }

  /** Where no threads are allowed (`node --permission`) it goes on without. */
  private begin(): Worker | undefined {
    if (this.threadless) return undefined;
    try {
      const thread = new Worker(SOURCE, { eval: true, workerData: this.done });
      thread.unref();
      thread.on('online', () => (this.online = true));
      thread.on('message', (hashed: HashedTexts) => this.waiting.shift()!.done(hashed));
      thread.on('error', (error) => this.fail(error));
      thread.on('exit', () => this.fail(new Error('The thread that hashes was ended.')));
      return thread;
    } catch {
      this.threadless = true;
      return undefined;
    }
  }

  /** Whoever goes on does so without. */
  private fail(error: Error): void {
    this.thread = undefined;
    this.threadless = true;
    for (const { failed } of this.waiting.splice(0)) failed(error);
  }
}

// A file would have to be found wherever this is bundled, or run from its sources.
const SOURCE = `
const { hash } = require('node:crypto');
const { parentPort, workerData: done } = require('node:worker_threads');
const work = ${hashTexts.toString()};
parentPort.on('message', (texts) => {
  const hashed = work(texts, hash);
  Atomics.add(done, 0, 1);
  parentPort.postMessage(hashed);
});
`;
