/** What one series measured in one interval. Of a counter only how much it grew is known, and in how long. */
export interface Frame {
  /** When the interval ended, in milliseconds since the epoch. */
  readonly at: number;
  readonly seconds: number;
  readonly count: number;
  readonly sum: number;
  readonly squares: number;
  readonly min: number;
  readonly max: number;
  /** How many values fell into each bucket, where there are any. */
  readonly counts?: readonly number[];
}

/** Two intervals, of one series, as one that ends with the later. */
export function following(a: Frame, b: Frame): Frame {
  return { ...merged(a, b), at: b.at, seconds: a.seconds + b.seconds };
}

/** What two series measured in one interval. */
export function beside(a: Frame, b: Frame): Frame {
  return { ...merged(a, b), at: a.at, seconds: Math.max(a.seconds, b.seconds) };
}

function merged(a: Frame, b: Frame): Omit<Frame, 'at' | 'seconds'> {
  const counts = a.counts && b.counts ? a.counts.map((it, i) => it + b.counts![i]!) : (a.counts ?? b.counts);
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    squares: a.squares + b.squares,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    ...(counts && { counts }),
  };
}
