/**
 * Counts the streams of a log by their first events, a portion of the log at a time, and remembers: streams never go, so a second look is
 * at what is new.
 */
export class StreamCount {
  private counted = 0;
  private through = 0;
  private counting: Promise<number> | undefined;

  constructor(
    /** How many streams begin at positions > `after` and ≤ `upTo`. */
    private readonly beginning: (after: number, upTo: number) => Promise<number>,
  ) {}

  /** How many there are up to a position. Who asks meanwhile waits for the same. */
  upTo(head: number): Promise<number> {
    return (this.counting ??= this.count(head).finally(() => (this.counting = undefined)));
  }

  private async count(head: number): Promise<number> {
    // Another log has taken the place of the one that was counted.
    if (head < this.through) this.counted = this.through = 0;
    while (this.through < head) {
      const upTo = Math.min(head, this.through + PORTION);
      this.counted += await this.beginning(this.through, upTo);
      this.through = upTo;
    }
    return this.counted;
  }
}

/** Positions looked at at once: what else the process does waits for no more than that. */
const PORTION = 10_000;
