/** Lets work in one at a time, in the order it came. */
export class Mutex {
  private readonly waiting: (() => void)[] = [];
  private isBusy = false;

  /** `isUrgent`: before everything else that waits. */
  async run<T>(work: () => Promise<T>, { isUrgent = false } = {}): Promise<T> {
    const isFree = !this.isBusy;
    this.isBusy = true;
    await (isFree ? undefined : this.turn(isUrgent));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.isBusy = false;
    }
  }

  private turn(isUrgent: boolean): Promise<void> {
    return new Promise((mine) => {
      if (isUrgent) this.waiting.unshift(mine);
      else this.waiting.push(mine);
    });
  }
}
