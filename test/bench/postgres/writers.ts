import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { spawnWorker } from '../../support/spawn-worker.js';
import type { RoundSize } from '../batches.js';
import type { Order } from './writers.worker.js';

/** A process of its own in which writers append, one to each stream, all at the same time. */
export class Writers {
  private complaints = '';
  private readonly ended: Promise<unknown>;

  private constructor(private readonly child: ChildProcess) {
    child.stderr!.on('data', (chunk: Buffer) => (this.complaints += chunk.toString()));
    // Not "close", which does not come where this side has closed the channel.
    this.ended = Promise.all([once(child, 'exit'), once(child.stderr!, 'close')]);
  }

  /** Connected to the log at `url` when it resolves. */
  static async start(url: string): Promise<Writers> {
    const writers = new Writers(spawnWorker(path.join(__dirname, 'writers.worker.ts'), [url]));
    await writers.answer();
    return writers;
  }

  prepare(round: RoundSize): Promise<void> {
    return this.order({ prepare: round });
  }

  append(): Promise<void> {
    return this.order('append');
  }

  async end(): Promise<void> {
    if (this.child.connected) this.child.disconnect();
    await this.ended;
  }

  private order(order: Order): Promise<void> {
    this.child.send(order);
    return this.answer();
  }

  private async answer(): Promise<void> {
    const answered = new Promise<'answered'>((done) => this.child.once('message', () => done('answered')));
    const outcome = await Promise.race([answered, this.ended]);
    if (outcome !== 'answered') throw new Error(`A process of writers has ended: ${this.complaints}`);
  }
}
