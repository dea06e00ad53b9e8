import { outside } from '@backstory/core/store';

/** Work that nobody waits for, one piece at a time, outside the context of whoever left it; its end can be waited for. */
export class Afterwork {
  private last: Promise<void> = Promise.resolve();
  private waiting = 0;
  private waitingBytes = 0;
  private closed = false;

  /**
   * `bytes` is what the work holds in memory until it is done. `false`: it will not be done, because too much is waiting or
   * nothing more is begun. What fails is dropped.
   */
  add(work: () => Promise<void>, bytes = 0): boolean {
    const isFull =
      bytes > 0 ? this.waiting >= MOST || this.waitingBytes + bytes > MOST_BYTES : this.waiting >= MOST_SMALL;
    // Alone, however large it is: it is in memory already.
    if (this.closed || (this.waiting > 0 && isFull)) return false;
    this.waiting++;
    this.waitingBytes += bytes;
    this.last = outside(() => this.last.then(work))
      .catch(() => undefined)
      .finally(() => {
        this.waiting--;
        this.waitingBytes -= bytes;
      });
    return true;
  }

  /** Waits for what was left, and begins nothing more. */
  async close(): Promise<void> {
    this.closed = true;
    await this.last;
  }
}

/** A state store that does not keep up is left alone: what is not written now is written after a later load. */
const MOST = 64;
const MOST_BYTES = 64 * 1_048_576;
/** What holds next to nothing, such as telling that something was left out. */
const MOST_SMALL = 1_000;
