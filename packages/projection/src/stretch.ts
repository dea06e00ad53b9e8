import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';

/**
 * A stretch in which folds run one after another: the rest of the process waits for it, and so does the renewal of leases.
 *
 * `if (stretch.isLong) await stretch.pause();` after each of them.
 */
export class Stretch {
  private began = performance.now();
  private pauses = 0;

  get isLong(): boolean {
    return this.ms > LONG_MS;
  }

  /** How long it has been since it began, or since others had their turn. */
  get ms(): number {
    return performance.now() - this.began;
  }

  /** Whether what ran in it took long. */
  get wasLong(): boolean {
    return this.pauses > 0 || this.isLong;
  }

  /**
   * Gives the others their turn. After a single fold that took very long it is more than one: what asks a database needs several, and
   * another such fold may come between any two of them.
   */
  async pause(): Promise<void> {
    const { ms } = this;
    await (ms > VERY_LONG_MS ? wait(ms / 10) : turn());
    this.pauses++;
    this.began = performance.now();
  }
}

const [LONG_MS, VERY_LONG_MS] = [50, 100];
