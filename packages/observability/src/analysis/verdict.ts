/** A value, and when it was found: milliseconds of a clock that is never set, for distances. */
export interface Sample {
  readonly at: number;
  readonly value: number;
}

/** What a value was judged to be. */
export interface Verdict {
  readonly isBreach: boolean;
  /** How bad it is, which severity may follow: larger is worse, unless `isBelow`. */
  readonly size: number;
  /** In words: `0.2 is more than 0.05`. */
  readonly why: string;
  /** Smaller is worse. */
  readonly isBelow?: boolean;
}

/**
 * Judges the last of some values, which `samples` ends with. `undefined`: it cannot be said, for there are too few; that raises nothing,
 * and resolves nothing.
 */
export type Judge = (value: number, samples: readonly Sample[]) => boolean | Verdict | undefined;

/** When a rule is broken. */
export type Condition = { readonly gt: number } | { readonly lt: number } | { readonly eq: number } | Judge;

/** What a judge says, in full. */
export function verdictOf(judge: Judge, samples: readonly Sample[]): Verdict | undefined {
  const { value } = samples.at(-1)!;
  const said = judge(value, samples);
  if (typeof said !== 'boolean') return said;
  return { isBreach: said, size: value, why: `it is ${shown(value)}` };
}

/** The judge of a condition. */
export function judgeOf(condition: Condition): Judge {
  if (typeof condition === 'function') return condition;
  if ('gt' in condition) return above(condition.gt);
  if ('lt' in condition) return below(condition.lt);
  const { eq } = condition;
  return (value) => ({ isBreach: value === eq, size: value, why: `it is ${shown(value)}` });
}

function above(limit: number): Judge {
  return (value) => {
    const isBreach = value > limit;
    return { isBreach, size: value, why: compared(value, isBreach, `more than ${shown(limit)}`) };
  };
}

function below(limit: number): Judge {
  return (value) => {
    const isBreach = value < limit;
    return {
      isBreach,
      size: value,
      isBelow: true,
      why: compared(value, isBreach, `less than ${shown(limit)}`),
    };
  };
}

function compared(value: number, isSo: boolean, what: string): string {
  return `${shown(value)} is ${isSo ? '' : 'not '}${what}`;
}

/** A number for people: four digits. */
export function shown(value: number): string {
  return String(Number(value.toPrecision(4)));
}
