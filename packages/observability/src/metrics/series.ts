/** A sum that only grows, or one that goes up and down. */
export class Counter {
  value = 0;

  add(amount: number): void {
    this.value += amount;
  }
}

/** What was measured last. */
export class Gauge {
  value = 0;

  set(value: number): void {
    this.value = value;
  }
}

/** How measured values are distributed over buckets. Recording one allocates nothing. */
export class Histogram {
  /** One for each bound, and one for what is larger than all of them. */
  readonly counts: number[];
  sum = 0;
  count = 0;
  min = Infinity;
  max = -Infinity;
  /** The sum of the squares, by which a deviation is known. */
  squares = 0;
  /** The least and the most since somebody last looked. */
  low = Infinity;
  high = -Infinity;

  constructor(readonly bounds: readonly number[]) {
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  record(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    counts[bucket]!++;
    this.count++;
    this.sum += value;
    this.squares += value * value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    if (value < this.low) this.low = value;
    if (value > this.high) this.high = value;
  }
}

/** One of them. */
export type Series = Counter | Gauge | Histogram;
