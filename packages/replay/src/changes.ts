import type { Json } from '@backstory/events';
import { StateComparison, type Difference } from './differences.js';
import { formatStatePath } from './state-path.js';
import type { StateType } from './state-type.js';

/** One difference between two states. A side on which the path does not exist is absent. */
export interface Change {
  /** `lines[2]`, `lines[sku="pen"].quantity`, `prices["a.b"]`; empty when the state as a whole is another kind of value. */
  readonly path: string;
  readonly before?: Json;
  readonly after?: Json;
  /** The elements are in another order. What else became of them has changes of its own. */
  readonly isOrder?: true;
}

/**
 * What changed from one state to another, in the order of its keys. Elements of a list are compared by the key it is declared
 * to have, where each has one of its own, else by index; those of sets and maps by what they are.
 */
export function changesBetween(before: Json, after: Json, type?: StateType): readonly Change[] {
  return new StateComparison(type).between(before, after).map(changeOf);
}

export function changeOf({ steps, ...rest }: Difference): Change {
  return { path: formatStatePath(steps), ...rest };
}
