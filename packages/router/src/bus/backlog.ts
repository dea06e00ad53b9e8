/** Deliveries that nobody waits for: how many there are, room for more, and their end. */
export class Backlog {
  private readonly running = new Set<Promise<unknown>>();
  private waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  get size(): number {
    return this.running.size;
  }

  /** `work` never fails. */
  add(work: Promise<unknown>): void {
    const mine = work.finally(() => {
      this.running.delete(mine);
      if (this.running.size < this.most) this.waiting.shift()?.();
    });
    this.running.add(mine);
  }

  /** Waits while there are too many. */
  async room(): Promise<void> {
    while (this.running.size >= this.most) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Waits until there is none, also of those that come while it waits. */
  async drain(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }
}
