import type { KeyParked } from '@backstory/core/observe';

/** Parked keys that somebody had tried again, until it is known what came of it. */
export class Redrives {
  private readonly underWay = new Set<string>();

  /** What came of a key's being tried again, if that is what it says. */
  outcomeOf({ subscription, key, state, was, leftOut }: KeyParked): 'success' | 'failure' | undefined {
    const name = JSON.stringify([subscription, key]);
    // What is left out is not tried again.
    if (leftOut) {
      this.underWay.delete(name);
      return undefined;
    }
    if (state === 'draining' && was === 'dead' && this.underWay.size < MOST) this.underWay.add(name);
    if (state !== 'released' && state !== 'dead') return undefined;
    if (!this.underWay.delete(name)) return undefined;
    return state === 'released' ? 'success' : 'failure';
  }
}

/** More than that at a time are not waited for. */
const MOST = 10_000;
