/** Attempts that this process has begun and that have not ended, those included that ran out of time; by the tokens of their schedules. */
export class AtWork {
  private readonly works = new Map<string, Set<Promise<unknown>>>();

  add(token: string, work: Promise<unknown>): void {
    const works = this.works.get(token) ?? new Set();
    this.works.set(token, works.add(work));
    const end = () => {
      works.delete(work);
      if (works.size === 0) this.works.delete(token);
    };
    work.then(end, end);
  }

  has(token: string): boolean {
    return this.works.has(token);
  }

  /** Resolves when none of this schedule is at work. */
  async ended(token: string): Promise<void> {
    for (let works = this.works.get(token); works; works = this.works.get(token))
      await Promise.allSettled(works);
  }
}
