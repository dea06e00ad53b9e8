import { outside } from '@backstory/core/store';

/** Work that nobody waits for, one piece at a time, outside the context of whoever left it; its end can be waited for. */
export class Afterwork {
  private last: Promise<void> = Promise.resolve();
  private waiting = 0;
  private closed = false;

  /** `false`: it will not be done, because too much is waiting or nothing more is begun. What fails is dropped. */
  add(work: () => Promise<void>, most = MOST): boolean {
    if (this.closed || this.waiting >= most) return false;
    this.waiting++;
    this.last = outside(() => this.last.then(work))
      .catch(() => undefined)
      .finally(() => this.waiting--);
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
